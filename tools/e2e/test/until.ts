const STEP_MS = 15;

export interface UntilOptions {
  /** Generous on purpose: it bounds a broken run, it never decides a good one. */
  readonly withinMs?: number;
}

/** Looks again and again until `look` gives something else than undefined, null or false; throws with `what` when it never does. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 60_000 }: UntilOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen as NonNullable<Exclude<T, false>>;
    if (performance.now() > end) throw new Error(`Waited ${withinMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
