import type { LimitReason } from '@bellows/sdk';
import type { WorkerLimit, WorkerStep } from './scale-workers.js';

export interface LimitContext {
  readonly name: string;
  readonly workers: number;
  /** Why issues wait that no worker could take. */
  readonly unavailable: string | undefined;
}

/** What `explain` says: what holds the number of workers, and why other issues wait besides. Pure. */
export function limitReason({ limitedBy, reason }: WorkerStep, { name, workers, unavailable = '' }: LimitContext): LimitReason {
  const why = `${name} is at ${workers} workers: ${reason}`;
  return { limitedBy: LIMITED_BY[limitedBy], reason: unavailable === '' ? why : `${why}. Other issues: ${unavailable}` };
}

const LIMITED_BY = Object.freeze({
  none: 'law',
  nothing_ready: 'demand',
  below_threshold: 'law',
  cooldown: 'law',
  cap: 'configured',
  ceiling: 'ceiling',
  busy: 'law',
  minimum: 'floor',
} satisfies Record<WorkerLimit, LimitReason['limitedBy']>);
