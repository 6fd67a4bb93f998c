import type { ClientClock } from './client-options.js';

/** setTimeout takes at most 2^31 - 1 ms and fires at once for more. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Real time, in browsers too. A program that waits for its next try does not end meanwhile. */
export const realClock: ClientClock = Object.freeze({
  monotonicMs: () => performance.now(),
  setTimer(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
});
