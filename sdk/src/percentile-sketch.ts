import { DDSketch } from '@datadog/sketches-js';
import type { IClock } from './clock.js';
import { demandOptionNames } from './demand-option-names.js';
import { InputError } from './errors.js';
import { optionNames } from './known-options.js';

export interface PercentileSketchOptions {
  /** How far back a percentile looks: between three quarters of this and all of it. */
  readonly windowMs: number;
  readonly clock: Pick<IClock, 'monotonicMs'>;
}

/**
 * Percentiles of the recent past in constant memory (a few kB): every answer is within 1 % of a value that was recorded.
 * Recording is cheap; asking merges the slices of the window, so ask once per report and not once per sample.
 */
export class PercentileSketch {
  readonly #sliceMs: number;
  readonly #clock: Pick<IClock, 'monotonicMs'>;
  /** Newest last. */
  #slices: { readonly number: number; readonly sketch: DDSketch }[] = [];

  /** `InputError`: `SKETCH_OPTIONS_INVALID` for options that are unknown, `WINDOW_INVALID` for a window that is no time. */
  constructor(options: PercentileSketchOptions) {
    demandOptionNames(options, {
      known: OPTIONS,
      fault: (text) => new InputError('SKETCH_OPTIONS_INVALID', `A PercentileSketch cannot work: ${text}`),
    });
    const { windowMs, clock } = options;
    if (!(windowMs > 0 && windowMs < Number.POSITIVE_INFINITY)) {
      throw new InputError('WINDOW_INVALID', `A PercentileSketch got windowMs ${String(windowMs)}: give a finite number of ms above 0`);
    }
    this.#sliceMs = windowMs / SLICES;
    this.#clock = clock;
  }

  /**
   * `InputError` (`SAMPLE_NOT_FINITE`), and no change, for NaN and infinities. `nowMs` saves reading the clock where the caller just did;
   * it must not go back. `weight` counts the sample as that many, above 0.
   */
  record(value: number, nowMs: number = this.#clock.monotonicMs(), weight = 1): void {
    if (!Number.isFinite(value)) {
      throw new InputError(
        'SAMPLE_NOT_FINITE',
        `A PercentileSketch got the sample ${String(value)}: leave out samples that could not be measured`,
      );
    }
    this.#current(nowMs).accept(value, weight);
  }

  /** `p` is 0 to 1: 0.99 is the 99th percentile. 0 when nothing was recorded within the window. */
  percentile(p: number): number {
    if (!(p >= 0 && p <= 1)) {
      throw new InputError('PERCENTILE_INVALID', `A PercentileSketch was asked for percentile ${String(p)}: give a number from 0 to 1`);
    }
    this.#forgetOld(this.#clock.monotonicMs());
    const [first, ...others] = this.#slices;
    if (first === undefined) return 0;
    if (others.length === 0) return first.sketch.getValueAtQuantile(p);
    const merged = newSketch();
    for (const { sketch } of this.#slices) merged.merge(sketch);
    return merged.getValueAtQuantile(p);
  }

  /** How many samples the window holds. */
  get count(): number {
    this.#forgetOld(this.#clock.monotonicMs());
    return this.#slices.reduce((sum, { sketch }) => sum + sketch.count, 0);
  }

  #current(nowMs: number): DDSketch {
    const number = Math.floor(nowMs / this.#sliceMs);
    const newest = this.#slices.at(-1);
    if (newest?.number === number) return newest.sketch;
    this.#forgetOld(nowMs);
    const sketch = newSketch();
    this.#slices.push({ number, sketch });
    return sketch;
  }

  #forgetOld(nowMs: number): void {
    const oldest = Math.floor(nowMs / this.#sliceMs) - SLICES + 1;
    if (this.#slices.some(({ number }) => number < oldest)) this.#slices = this.#slices.filter(({ number }) => number >= oldest);
  }
}

const OPTIONS = optionNames<PercentileSketchOptions>({ windowMs: true, clock: true });

/** Four slices: a sample leaves within a quarter of the window of the exact moment, at four sketches of memory. */
const SLICES = 4;

function newSketch(): DDSketch {
  return new DDSketch({ relativeAccuracy: 0.01 });
}
