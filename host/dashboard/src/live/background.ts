import type { LiveConnection } from './live-connection.js';

/**
 * A browser opens six connections to one host, for all tabs together, and a tab that follows the events holds one. This many of those
 * that nobody looks at may; it leaves enough for what is looked at.
 */
const MAX_HIDDEN_STREAMS = 3;
/** Whoever comes back so soon finds everything as it was. */
const GRACE_MS = 30_000;

/** What of `LockManager` is used: a lock is held until the promise of its callback is settled. */
export interface Locks {
  request(name: string, options: { readonly ifAvailable: true }, callback: (lock: unknown) => Promise<void> | undefined): Promise<unknown>;
}

export interface BackgroundOptions {
  readonly connection: Pick<LiveConnection, 'pause' | 'resume'>;
  /** Answers how to end it. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Shared by the tabs of one host; undefined where the browser gives none, as over plain HTTP from another machine. */
  readonly locks: Locks | undefined;
}

/**
 * Decides whether a tab that is hidden goes on following the events: the first three do, so that their charts go on for when somebody
 * comes back; others let go, and catch up then.
 */
export class Background {
  readonly #options: BackgroundOptions;
  #wasSeen = false;
  #cancel: () => void = () => {};
  #release: (() => void) | undefined;
  #isHidden = false;

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** Call it at the beginning, and at every change. */
  set(isHidden: boolean): void {
    const { connection, after } = this.#options;
    this.#isHidden = isHidden;
    this.#cancel();
    if (isHidden) {
      // a tab that was opened behind others has nothing to lose yet
      if (this.#wasSeen) this.#cancel = after(GRACE_MS, () => void this.#hide());
      else void this.#hide();
      return;
    }
    this.#wasSeen = true;
    this.#release?.();
    this.#release = undefined;
    connection.resume();
  }

  async #hide(): Promise<void> {
    const { connection, locks } = this.#options;
    if (this.#release !== undefined) return;
    if (!this.#wasSeen) connection.pause(); // it has none yet
    for (let slot = 0; slot < MAX_HIDDEN_STREAMS && locks !== undefined; slot += 1) {
      if (await this.#take(`bellows-stream-${slot}`, locks)) {
        if (this.#isHidden) connection.resume();
        return;
      }
    }
    if (this.#isHidden) connection.pause();
  }

  /** Whether this tab has the slot now; it keeps it until it is looked at. */
  #take(name: string, locks: Locks): Promise<boolean> {
    return new Promise((resolve) => {
      const hold = (lock: unknown) => {
        if (lock === null || !this.#isHidden) {
          resolve(false);
          return undefined;
        }
        return new Promise<void>((release) => {
          this.#release = release;
          resolve(true);
        });
      };
      locks.request(name, { ifAvailable: true }, hold).catch(() => resolve(false));
    });
  }
}
