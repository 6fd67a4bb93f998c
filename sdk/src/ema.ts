import { InputError } from './errors.js';

/**
 * Exponential moving average: `value = alpha × sample + (1 - alpha) × value`. The first sample is the first value.
 * `alpha` is above 0 and at most 1; 1 means no smoothing.
 */
export class Ema {
  readonly #alpha: number;
  #value: number | undefined;

  /** `InputError` (`EMA_ALPHA_INVALID`) for an alpha outside of 0 to 1. */
  constructor(alpha: number) {
    if (!(alpha > 0 && alpha <= 1)) {
      throw new InputError('EMA_ALPHA_INVALID', `An Ema got alpha ${String(alpha)}: give a number above 0 and at most 1`);
    }
    this.#alpha = alpha;
  }

  /** `undefined` before the first sample. */
  get value(): number | undefined {
    return this.#value;
  }

  /** Takes one sample and answers the new value. `InputError` (`SAMPLE_NOT_FINITE`), and no change, for NaN and infinities. */
  update(sample: number): number {
    if (!Number.isFinite(sample)) {
      throw new InputError('SAMPLE_NOT_FINITE', `An Ema got the sample ${String(sample)}: leave out samples that could not be measured`);
    }
    // the weighted sum, not value + alpha × difference: that one overflows for samples of opposite sign near the largest double
    this.#value = this.#value === undefined ? sample : this.#alpha * sample + (1 - this.#alpha) * this.#value;
    return this.#value;
  }
}
