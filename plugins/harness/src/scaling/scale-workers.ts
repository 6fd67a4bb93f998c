import type { ScaleConfig } from '../config.js';

export interface WorkerDemand {
  /** Workers there may be now: what the law answered last, below the ceiling. */
  readonly workers: number;
  /** Of these, how many have nothing to do. */
  readonly idleWorkers: number;
  /** Issues that are ready and wait for a worker. Never guessed from busy workers: then nothing would ever grow. */
  readonly readyIssues: number;
  /** Time since the number last really changed; `Infinity` before the first change. */
  readonly sinceChangeMs: number;
  /** The most the governor allows now. */
  readonly ceiling: number;
}

/** What holds the number of workers where it is; `none` when it changes. */
export type WorkerLimit = 'none' | 'nothing_ready' | 'below_threshold' | 'cooldown' | 'cap' | 'ceiling' | 'busy' | 'minimum';

export interface WorkerStep {
  readonly workers: number;
  readonly limitedBy: WorkerLimit;
  /** A sentence for people, with the option to change. */
  readonly reason: string;
}

/** The number of workers a law or a caller may ask for: from `minWorkers` to `maxWorkers`, below the ceiling, at least one. */
export function workerBounds(config: ScaleConfig, ceiling: number): { readonly min: number; readonly max: number } {
  const max = Math.max(1, Math.min(config.maxWorkers, Math.floor(ceiling)));
  return { min: Math.min(config.minWorkers, max), max };
}

/** One worker for every `targetQueueDepth` waiting issues, within the bounds. */
export function recommendedWorkers(readyIssues: number, config: ScaleConfig): number {
  return Math.min(config.maxWorkers, Math.max(config.minWorkers, Math.ceil(readyIssues / config.targetQueueDepth)));
}

/**
 * The threshold law of seed 001, with the number of issues that really wait: above `scaleUpThreshold` of them per worker it grows by
 * one for every `targetQueueDepth`, below `scaleDownThreshold` it goes down by one idle worker. Up beats none beats down. A step
 * that changes nothing begins no cool-down. Pure; a number outside of the bounds is brought inside, whatever the cool-down.
 */
export function scaleWorkers(demand: WorkerDemand, config: ScaleConfig): WorkerStep {
  const { min, max } = workerBounds(config, demand.ceiling);
  const inside = Math.min(max, Math.max(min, demand.workers));
  if (inside > demand.workers) return change(inside, `the fewest allowed are ${inside}`);
  if (inside < demand.workers) return shrinkTo(inside, demand, config);
  const ratio = demand.readyIssues / inside;
  if (ratio > config.scaleUpThreshold) return grow(demand, config, max);
  if (ratio < config.scaleDownThreshold && inside > min) return shrinkByOne(demand, config);
  if (ratio >= config.scaleDownThreshold) return stay(demand, config, 'below_threshold');
  return stay(demand, config, min < config.minWorkers && demand.readyIssues > 0 ? 'ceiling' : 'minimum');
}

function grow(demand: WorkerDemand, config: ScaleConfig, max: number): WorkerStep {
  const { workers, readyIssues } = demand;
  if (workers >= max) return stay(demand, config, max < config.maxWorkers ? 'ceiling' : 'cap');
  if (isCoolingDown(demand, config)) return stay(demand, config, 'cooldown');
  const step = Math.max(1, Math.ceil(readyIssues / config.targetQueueDepth));
  const next = Math.min(max, workers + step);
  return change(
    next,
    `${readyIssues} issues wait for ${workers} workers, more than ${config.scaleUpThreshold} each: ${next - workers} more`,
  );
}

function shrinkByOne(demand: WorkerDemand, config: ScaleConfig): WorkerStep {
  const { workers, readyIssues, idleWorkers } = demand;
  if (idleWorkers < 1) return stay(demand, config, 'busy');
  if (isCoolingDown(demand, config)) return stay(demand, config, 'cooldown');
  return change(workers - 1, `${readyIssues} issues wait for ${workers} workers, fewer than ${config.scaleDownThreshold} each: one fewer`);
}

/** Only idle ones go; the others go when they have finished. */
function shrinkTo(max: number, demand: WorkerDemand, config: ScaleConfig): WorkerStep {
  const next = Math.max(max, demand.workers - Math.max(0, demand.idleWorkers));
  if (next === demand.workers) return stay(demand, config, 'busy');
  return change(next, `the most allowed are ${max}`);
}

function isCoolingDown({ sinceChangeMs }: WorkerDemand, { scaleCooldownMs }: ScaleConfig): boolean {
  return sinceChangeMs < scaleCooldownMs;
}

function change(workers: number, reason: string): WorkerStep {
  return { workers, limitedBy: 'none', reason };
}

function stay(demand: WorkerDemand, config: ScaleConfig, limit: WorkerLimit): WorkerStep {
  const limitedBy = demand.readyIssues === 0 && limit !== 'cap' && limit !== 'ceiling' ? 'nothing_ready' : limit;
  return { workers: demand.workers, limitedBy, reason: whyItStays(limitedBy, demand, config) };
}

function whyItStays(limit: WorkerLimit, demand: WorkerDemand, config: ScaleConfig): string {
  const { workers, readyIssues, sinceChangeMs } = demand;
  switch (limit) {
    case 'nothing_ready':
      return 'no issue is ready to be worked on';
    case 'cooldown':
      return `${Math.ceil((config.scaleCooldownMs - sinceChangeMs) / 1_000)} s of the cool-down are left (scaleCooldownMs ${config.scaleCooldownMs})`;
    case 'cap':
      return `the configured maximum is reached (maxWorkers ${config.maxWorkers})`;
    case 'ceiling':
      return `the governor allows no more than ${workers} now, of maxWorkers ${config.maxWorkers}`;
    case 'busy':
      return `there would be room for fewer than ${workers}, and every worker is busy`;
    case 'minimum':
      return `the fewest allowed are running (minWorkers ${config.minWorkers})`;
    default:
      return `${readyIssues} issues wait for ${workers} workers, which is not more than scaleUpThreshold ${config.scaleUpThreshold} each`;
  }
}
