import { type IClock, type ILogger, messageOf } from '@bellows/sdk';
import { fileState } from '../file-state.js';
import { loadTokenTable, type TokenTable, type TokenUsers } from './token-table.js';

/** A token that is taken back works no longer than this and a moment. */
const LOOK_MS = 2_000;

export interface TokensFileOptions {
  readonly clock: Pick<IClock, 'setRepeating'>;
  readonly logger: ILogger;
}

/**
 * The users of the tokens file as it is now: it is looked at every two seconds, so tokens are given and taken back without a restart. A file
 * that is wrong or gone changes nothing, and the log says so once; nobody is locked out, or in, by a slip of the pen.
 */
export class TokensFile implements TokenUsers, Disposable {
  readonly #file: string;
  readonly #logger: ILogger;
  readonly #stop: () => void;
  #table: TokenTable;
  #seen: string;
  #looking = false;

  private constructor(file: string, first: { readonly table: TokenTable; readonly seen: string }, { clock, logger }: TokensFileOptions) {
    this.#file = file;
    this.#table = first.table;
    this.#seen = first.seen;
    this.#logger = logger;
    this.#stop = clock.setRepeating(LOOK_MS, () => void this.#look());
  }

  /** `ConfigError` (`TOKENS_FILE_INVALID`) with every fault. */
  static async open(file: string, options: TokensFileOptions): Promise<TokensFile> {
    // Before it is read: what is written in between is then seen as a change.
    const seen = await fileState(file);
    return new TokensFile(file, { table: await loadTokenTable(file), seen }, options);
  }

  find(token: string): ReturnType<TokenUsers['find']> {
    return this.#table.find(token);
  }

  named(name: string): ReturnType<TokenUsers['named']> {
    return this.#table.named(name);
  }

  /** Ends the looking. Twice is fine. */
  [Symbol.dispose](): void {
    this.#stop();
  }

  async #look(): Promise<void> {
    // A slow disk must not collect readers.
    if (this.#looking) return;
    this.#looking = true;
    try {
      const seen = await fileState(this.#file);
      if (seen === this.#seen) return;
      this.#seen = seen;
      this.#table = await loadTokenTable(this.#file);
      this.#logger.info('the tokens file has changed and was taken over');
    } catch (error) {
      this.#logger.error(`the tokens file has changed and was not taken over, the old one holds: ${messageOf(error)}`, { error });
    } finally {
      this.#looking = false;
    }
  }
}
