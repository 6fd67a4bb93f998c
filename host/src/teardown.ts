import { type IClock, type ILogger, messageOf, type Owned } from '@bellows/sdk';

/**
 * What was acquired, to be released last in first out: each once, each in its own try. Something added after the release
 * began is released at once.
 */
export class TeardownStack {
  readonly #owned: Owned[] = [];
  readonly #clock: IClock;
  readonly #logger: ILogger;
  #releasing: Promise<boolean> | undefined;

  constructor(options: { readonly clock: IClock; readonly logger: ILogger }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  add(owned: Owned): void {
    if (this.#releasing) void this.#release(owned, Number.POSITIVE_INFINITY);
    else this.#owned.push(owned);
  }

  /**
   * Releases everything within `timeoutMs`; what is left then is given up and named in the log. Answers whether all went well.
   * A second call answers the first one's promise.
   */
  release(timeoutMs: number): Promise<boolean> {
    if (this.#releasing) return this.#releasing;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    // Before the first thing is released: what that one adds goes at once.
    this.#releasing = promise;
    void this.#releaseAll(timeoutMs).then(resolve);
    return promise;
  }

  async #releaseAll(timeoutMs: number): Promise<boolean> {
    const endAt = this.#clock.monotonicMs() + timeoutMs;
    let clean = true;
    for (let owned = this.#owned.pop(); owned !== undefined; owned = this.#owned.pop()) {
      if (!(await this.#release(owned, Math.max(0, endAt - this.#clock.monotonicMs())))) clean = false;
    }
    return clean;
  }

  async #release(owned: Owned, leftMs: number): Promise<boolean> {
    try {
      const done = releaseOne(owned);
      if (!(done instanceof Promise) && typeof (done as PromiseLike<void> | undefined)?.then !== 'function') return true;
      const inTime = await within(
        this.#clock,
        leftMs,
        Promise.resolve(done).then(() => true),
      );
      if (inTime === undefined) this.#logger.warn('something did not let go in time and was left behind', { leftMs });
      return inTime === true;
    } catch (error) {
      this.#logger.error(`releasing failed: ${messageOf(error)}`, { error });
      return false;
    }
  }
}

function releaseOne(owned: Owned): unknown {
  if (typeof owned === 'function') return owned();
  if (Symbol.asyncDispose in owned) return owned[Symbol.asyncDispose]();
  return owned[Symbol.dispose]();
}

/** The promise's value, or `undefined` when `timeoutMs` passed first. A later rejection is then swallowed. */
export async function within<T>(clock: IClock, timeoutMs: number, promise: Promise<T>): Promise<T | undefined> {
  if (timeoutMs === Number.POSITIVE_INFINITY) return promise;
  let cancel: (() => void) | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    cancel = clock.setTimer(timeoutMs, () => resolve(undefined));
  });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    cancel?.();
  }
}
