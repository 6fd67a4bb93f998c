/** What is wrong with what was printed, compared with what a document shows; nothing when it fits. */
export function differenceOf(shown: string, printed: string): string | undefined;
