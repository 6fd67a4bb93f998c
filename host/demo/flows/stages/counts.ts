import { type } from '@bellows/sdk/workflow';

/** What the program `count-texts` says of one text. */
export interface Counts {
  readonly bytes: number;
  readonly lines: number;
  readonly words: number;
  readonly headings: number;
  readonly links: number;
}

/** What `compute.invoke` answers; the operations page of the reference has all fields. */
export const counted = type<{ readonly exitCode: number; readonly stdout: string }>();

/** The input of `compute.invoke` that has texts counted: a NUL stands between two. */
export function countTexts(texts: readonly string[]) {
  return { module: 'count-texts', input: Buffer.from(texts.join('\0')).toString('base64') };
}

/** One for each text, in their order. */
export function countsOf({ stdout }: { readonly stdout: string }): readonly Counts[] {
  const lines = Buffer.from(stdout, 'base64').toString().trimEnd().split('\n');
  return lines.map((line) => {
    const [bytes = 0, lineCount = 0, words = 0, headings = 0, links = 0] = line.split(' ').map(Number);
    return { bytes, lines: lineCount, words, headings, links };
  });
}
