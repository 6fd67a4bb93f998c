/** Whether a file, named from the root, is a document of this repository. */
export function isDocument(file: string): boolean;
