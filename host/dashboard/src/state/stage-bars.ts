export interface Spanned {
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface Bar {
  /** Of the whole, 0 to 1. */
  readonly left: number;
  readonly width: number;
  readonly startMs: number;
  readonly tookMs: number;
}

/** A stage that took next to nothing is still to be seen. */
const LEAST_WIDTH = 0.004;

/** Where each stage lies within its run, from the beginning to its end, or to now while it runs. Null: has not begun. Pure. */
export function barsOf(stages: readonly Spanned[], span: { readonly from: number; readonly to: number }): (Bar | null)[] {
  const whole = Math.max(1, span.to - span.from);
  return stages.map(({ startedAt, endedAt }) => {
    if (startedAt === null) return null;
    const startMs = Math.max(0, startedAt - span.from);
    const tookMs = Math.max(0, (endedAt ?? span.to) - startedAt);
    const left = Math.min(1 - LEAST_WIDTH, startMs / whole);
    return { left, width: Math.min(1 - left, Math.max(LEAST_WIDTH, tookMs / whole)), startMs, tookMs };
  });
}
