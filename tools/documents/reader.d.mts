import type { Step } from './blocks.mjs';

export interface ReaderOptions {
  readonly folder: string;
  /** Shell functions that stand for commands of the reader's machine. */
  readonly prelude?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Follows a document as a person would. One step at a time. */
export class Reader {
  static create(options: ReaderOptions): Promise<Reader>;
  /** Does what a step says and answers what was printed; throws when it fails or shows something else. */
  follow(step: Step): Promise<string>;
  /** Ends what runs, a step under way too; may be called twice. */
  close(): Promise<void>;
}
