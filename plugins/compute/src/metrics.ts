import { CACHE_LOOKUP_METRICS, type MetricDescription } from '@bellows/sdk';

/** What the keys of `compute.wasm` mean that only this subsystem has. */
export const COMPUTE_METRICS = {
  ...CACHE_LOOKUP_METRICS,
  'pool.hits.total': { what: 'Calls served by an instance that was ready, since the start.', unit: 'calls' },
  'pool.misses.total': { what: 'Calls for which an instance had to be made, since the start.', unit: 'calls' },
  'pool.overflow.total': { what: 'Those of them that found the pool of their module used up.', unit: 'calls' },
  'executors.running': { what: 'Processes that run guests.', unit: 'processes' },
  'executors.lost.total': { what: 'Processes that ended unasked, since the start.', unit: 'processes' },
  'executors.failing': { what: '1 while no process stays up, so that calls are refused; else 0.', unit: '0 or 1' },
  'executors.waiting': { what: 'Calls that have a place and wait for a thread.', unit: 'calls' },
  'threads.running': { what: 'Threads in them; each runs one call at a time.', unit: 'threads' },
  'law.limit': { what: 'Calls at once the own law allows, below the ceiling of the governor.', unit: 'calls' },
  'law.load': { what: 'What the law measures: 70 % slots in use, 30 % memory in use, smoothed.', unit: '0 to 1' },
} as const satisfies Readonly<Record<string, MetricDescription>>;
