/** After an exit: `permanent` always starts again, `transient` only after a failure, `temporary` never, and is forgotten. */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** Who starts again when a child does: it alone, all, or it and those started after it. */
export type RestartStrategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

/** What a plan needs to know of a child. */
export interface PlannedChild {
  readonly spec: { readonly restart: RestartType };
}

export interface RestartPlan<T> {
  /** To be stopped first, one after the other in this order. */
  readonly stop: readonly T[];
  /** To be started then, one after the other in this order. */
  readonly start: readonly T[];
}

export function startsAgain(restart: RestartType, endedWell: boolean): boolean {
  return restart === 'permanent' || (restart === 'transient' && !endedWell);
}

/**
 * What a restart of `ended` does to the others; `children` in start order, `ended` among them. Others of them may be stopped: those
 * are started too, as in OTP. A temporary child is stopped and not started. Pure.
 */
export function planRestart<T extends PlannedChild>(strategy: RestartStrategy, children: Iterable<T>, ended: T): RestartPlan<T> {
  if (strategy === 'one_for_one') return { stop: [], start: [ended] };
  const all = [...children];
  const affected = strategy === 'one_for_all' ? all : all.slice(all.indexOf(ended));
  return {
    stop: affected.filter((child) => child !== ended).reverse(),
    start: affected.filter(({ spec }) => spec.restart !== 'temporary'),
  };
}
