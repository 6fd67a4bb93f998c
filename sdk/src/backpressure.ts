/** How hard a subsystem pushes back, in rising order. */
export type BackpressureState = 'normal' | 'warning' | 'critical' | 'shedding';

export const BACKPRESSURE_STATES = ['normal', 'warning', 'critical', 'shedding'] as const satisfies readonly BackpressureState[];

/** The number reported as the metric `backpressure.state`. */
export function backpressureLevel(state: BackpressureState): number {
  return BACKPRESSURE_STATES.indexOf(state);
}

/** What a subsystem does when work arrives faster than it leaves. */
export type BackpressureStrategy = 'dropOldest' | 'blockProducer' | 'shedLoad' | 'degradeQuality' | 'adaptive';

export interface BackpressureContext {
  readonly queueDepth: number;
  readonly maxQueueDepth: number;
  readonly memoryRatio: number;
}

/** Implemented beside `IScalableSubsystem` by a subsystem that reports its state the moment it changes. */
export interface IBackpressureAware {
  readonly strategy: BackpressureStrategy;
  readonly currentState: BackpressureState;
  /** Called after each change, once per change, in order; a listener that throws hurts nobody. Returns how to leave. */
  onBackpressureChanged(listener: (from: BackpressureState, to: BackpressureState) => void): () => void;
  /** Tells the subsystem what is known outside of it; it answers with the state it is in afterwards. */
  applyBackpressure(context: BackpressureContext): BackpressureState;
}

/**
 * The state for a fill level between 0 and 1 (queue depth over its limit): warning from one half, critical from four
 * fifths, shedding when full. Steps down only 0.1 below the step up, so a level on the edge does not flap.
 */
export function backpressureFor(fill: number, previous: BackpressureState): BackpressureState {
  const steps: readonly [BackpressureState, number][] = [
    ['shedding', 1],
    ['critical', 0.8],
    ['warning', 0.5],
  ];
  for (const [state, from] of steps) {
    const holds = backpressureLevel(previous) >= backpressureLevel(state);
    if (fill >= (holds ? from - 0.1 : from)) return state;
  }
  return 'normal';
}
