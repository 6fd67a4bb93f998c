/** The only source of randomness that decides behaviour (jitter, sampling). Never for secrets. */
export interface IRandom {
  /** At least 0, below 1. */
  next(): number;
}

export const systemRandom: IRandom = Object.freeze({ next: () => Math.random() });

/** The same numbers for the same seed on every machine (mulberry32: 32 bits of state, period 2^32). */
export function seededRandom(seed: number): IRandom {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
