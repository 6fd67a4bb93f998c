export const HOW_TO_GET_ONE: string;
export function findBrowser(env?: Readonly<Record<string, string | undefined>>): string | undefined;
