/** Smoothing of the load: one sample counts three tenths. */
export const LOAD_EMA_ALPHA = 0.3;
export const LAW_PERIOD_MS = 10_000;
const UTILISATION_WEIGHT = 0.7;
const MEMORY_WEIGHT = 0.3;
const UP_BELOW = 0.5;
const DOWN_ABOVE = 0.8;

export interface LoadSample {
  /** Calls running over slots, 0 to 1. */
  readonly utilisation: number;
  /** Memory of the machine in use, 0 to 1. */
  readonly memoryRatio: number;
}

/** 70 % utilisation of the slots, 30 % memory pressure; 0 to 1 whatever comes in. */
export function loadOf({ utilisation, memoryRatio }: LoadSample): number {
  return UTILISATION_WEIGHT * ratio(utilisation) + MEMORY_WEIGHT * ratio(memoryRatio);
}

export interface ConcurrencyBounds {
  readonly floor: number;
  readonly ceiling: number;
}

/** Between half the cores and twice the cores, and never below one. */
export function concurrencyBounds(cores: number): ConcurrencyBounds {
  const whole = Math.max(1, Math.floor(cores));
  return { floor: Math.max(1, Math.floor(whole / 2)), ceiling: 2 * whole };
}

export interface ConcurrencyStep {
  readonly limit: number;
  readonly reason: string;
}

/**
 * The local law: one step up while the smoothed load is below one half, one step down while it is above four fifths,
 * no change between. Pure; a limit from outside of the bounds is brought inside.
 */
export function scaleConcurrency(limit: number, load: number, cores: number): ConcurrencyStep {
  const { floor, ceiling } = concurrencyBounds(cores);
  const within = Math.min(ceiling, Math.max(floor, limit));
  const shown = `${Math.round(load * 100)} %`;
  if (load < UP_BELOW) {
    const next = Math.min(ceiling, within + 1);
    return { limit: next, reason: next === within ? `load ${shown}: at twice the cores` : `load ${shown} is below 50 %: one step up` };
  }
  if (load > DOWN_ABOVE) {
    const next = Math.max(floor, within - 1);
    return { limit: next, reason: next === within ? `load ${shown}: at half the cores` : `load ${shown} is above 80 %: one step down` };
  }
  return { limit: within, reason: `load ${shown} is between 50 % and 80 %: unchanged` };
}

function ratio(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}
