export interface Block {
  readonly language: string;
  readonly marks: Readonly<Record<string, string | true>>;
  readonly text: string;
  /** The line of its fence, from 1. */
  readonly line: number;
  /** How many headings stand above it. */
  readonly section: number;
  /** Why nothing tries it. */
  readonly reason: string | undefined;
  /** The document is made by `npm run generate`. */
  readonly isGenerated: boolean;
}

export interface Step extends Block {
  /** What the document says it prints. */
  readonly shows: string | undefined;
}

/** First line of each page that `npm run generate` makes. */
export const GENERATED_MARK: string;
/** Every fenced block, in the order of the document. */
export function blocksOf(markdown: string): Block[];
/** What a reader does, in order: each `run` and `file` block, with the text that the document says it prints. */
export function stepsOf(markdown: string): Step[];
