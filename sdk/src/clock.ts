/** Stops a timer; calling it twice, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

/**
 * The only source of time: injected everywhere, so that behaviour replays under a fake clock.
 * Timers never keep the process alive by themselves.
 */
export interface IClock {
  /** Wall clock, ms since 1970. May jump; for showing and storing, never for measuring. */
  now(): number;
  /** Never goes back; for durations, ms with fractions. */
  monotonicMs(): number;
  /** Calls once after `delayMs`; an exception of `callback` is the caller's fault and reaches the process. */
  setTimer(delayMs: number, callback: () => void): CancelTimer;
  /** Calls every `periodMs` until cancelled; the next call is not made before the last one returned. */
  setRepeating(periodMs: number, callback: () => void): CancelTimer;
  /** Resolves after `delayMs`; rejects with the reason of `signal` at once when that aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** setTimeout takes at most 2^31 - 1 ms and fires at once for more. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: IClock = Object.freeze({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs: number, callback: () => void): CancelTimer {
    if (delayMs > MAX_DELAY_MS) return longTimer(systemClock, delayMs, callback);
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  setRepeating(periodMs: number, callback: () => void): CancelTimer {
    if (periodMs > MAX_DELAY_MS) return longRepeating(periodMs, callback);
    const timer = setInterval(callback, periodMs);
    timer.unref();
    return () => clearInterval(timer);
  },
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(systemClock, delayMs, signal);
  },
});

/** One timer after the other, for delays no single one takes; `Infinity` never comes. For implementers of clocks. */
export function longTimer(clock: Pick<IClock, 'setTimer' | 'monotonicMs'>, delayMs: number, callback: () => void): CancelTimer {
  const dueMs = clock.monotonicMs() + delayMs;
  const wait = (): CancelTimer => {
    const leftMs = dueMs - clock.monotonicMs();
    return leftMs > MAX_DELAY_MS ? clock.setTimer(MAX_DELAY_MS, () => (cancel = wait())) : clock.setTimer(leftMs, callback);
  };
  let cancel = wait();
  return () => cancel();
}

function longRepeating(periodMs: number, callback: () => void): CancelTimer {
  const again = () => {
    // before the callback, which may be what cancels it
    cancel = systemClock.setTimer(periodMs, again);
    callback();
  };
  let cancel = systemClock.setTimer(periodMs, again);
  return () => cancel();
}

/** `IClock.sleep` built from `setTimer`; for implementers of clocks. */
export function sleepOn(clock: Pick<IClock, 'setTimer'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
