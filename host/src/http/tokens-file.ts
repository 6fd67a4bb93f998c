import { type IClock, type ILogger, messageOf } from '@bellows/sdk';
import { fileState } from '../file-state.js';
import { loadTokenTable, type TokenTable, type TokenUsers } from './token-table.js';
import type { TokensState } from './tokens-state.js';

/** A token that is taken back works no longer than this and a moment. */
const LOOK_MS = 2_000;

export interface TokensFileOptions {
  readonly clock: Pick<IClock, 'now' | 'setRepeating'>;
  readonly logger: ILogger;
  /** Is told how each look at a changed file ended. */
  readonly state: TokensState;
}

/**
 * The users of the tokens file as it is now: it is looked at every two seconds, so tokens are given and taken back without a restart. A file
 * that is wrong or gone changes nothing, and the log says so once; nobody is locked out, or in, by a slip of the pen.
 */
export class TokensFile implements TokenUsers, Disposable {
  readonly #file: string;
  readonly #logger: ILogger;
  readonly #clock: TokensFileOptions['clock'];
  readonly #state: TokensState;
  readonly #stop: () => void;
  #table: TokenTable;
  #seen: string;
  #looking = false;

  private constructor(
    file: string,
    first: { readonly table: TokenTable; readonly seen: string },
    { clock, logger, state }: TokensFileOptions,
  ) {
    this.#file = file;
    this.#table = first.table;
    this.#seen = first.seen;
    this.#logger = logger;
    this.#clock = clock;
    this.#state = state;
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
      this.#state.accepted();
      this.#logger.info('the tokens file has changed and was taken over');
    } catch (error) {
      const message = messageOf(error);
      this.#state.refused({ at: this.#clock.now(), message });
      // As its own message, so that the line names every fault.
      this.#logger.error(message, { error });
      this.#logger.warn('the tokens file has changed and was not taken over: the earlier tokens hold');
    } finally {
      this.#looking = false;
    }
  }
}
