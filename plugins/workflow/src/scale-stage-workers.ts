/** How often the law looks. */
export const LAW_PERIOD_MS = 1_000;
/** Ready stages for each slot: above, another slot shortens the queue; below, slots stand empty. */
const UP_ABOVE = 5;
const DOWN_BELOW = 1;
/** A stage that waited for longer found too few slots, however short the queue: some stages take hours. */
const UP_AFTER_MS = 1_000;

export interface StageWorkerBounds {
  readonly floor: number;
  readonly most: number;
}

/** Between half the cores and the configured maximum, and never below one. */
export function stageWorkerBounds(cores: number, configured: number): StageWorkerBounds {
  const most = Math.max(1, configured);
  return { floor: Math.min(most, Math.max(1, Math.floor(cores / 2))), most };
}

/** Twice the cores: stages mostly wait for others, and a core has something to do while one waits. */
export function defaultStageWorkers(cores: number): number {
  return 2 * Math.max(1, Math.floor(cores));
}

export interface StageLoad {
  /** Stages that are ready and wait for a slot. */
  readonly ready: number;
  /** How long the oldest of them has waited. */
  readonly oldestMs: number;
  /** Slots taken. */
  readonly inUse: number;
}

export interface StageWorkerStep {
  readonly limit: number;
  readonly reason: string;
}

/**
 * The local law (queue lag): one step up while more than five stages wait for each slot, or one has waited for a second; one step down
 * while there is less than one stage, waiting or executing, for each slot. Between, unchanged. Pure; a limit from outside of the bounds is brought inside.
 */
export function scaleStageWorkers(
  limit: number,
  { ready, oldestMs, inUse }: StageLoad,
  { floor, most }: StageWorkerBounds,
): StageWorkerStep {
  const within = Math.min(most, Math.max(floor, limit));
  const lag = ready / within;
  if (lag > UP_ABOVE || oldestMs > UP_AFTER_MS) {
    const next = Math.min(most, within + 1);
    const shown =
      lag > UP_ABOVE ? `more than ${UP_ABOVE} ready stages for each slot` : `a stage has waited for more than ${UP_AFTER_MS} ms`;
    return { limit: next, reason: `${shown}: ${next === within ? 'at the configured maximum' : 'one step up'}` };
  }
  const load = (ready + inUse) / within;
  if (load < DOWN_BELOW) {
    const next = Math.max(floor, within - 1);
    const shown = `${shownLag(load)} stages for each slot`;
    return {
      limit: next,
      reason: next === within ? `${shown}: at half the cores` : `${shown} are fewer than ${DOWN_BELOW}: one step down`,
    };
  }
  return { limit: within, reason: `${shownLag(lag)} ready stages for each slot: unchanged` };
}

function shownLag(lag: number): string {
  return String(Math.round(lag * 10) / 10);
}
