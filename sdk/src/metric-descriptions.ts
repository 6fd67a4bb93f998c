/** What a number of {@link ScalingMetrics} is: the one place that people, pages and generated documents read it from. */
export interface MetricDescription {
  readonly what: string;
  readonly unit: string;
}

/** Keys every subsystem reports; a subsystem adds its own under a prefix (`pool.hits.total`, `executors.running`). */
export const REQUIRED_METRICS = {
  demand: { what: 'Wanted now: running and waiting. What the governor divides the budget by.', unit: 'operations' },
  inUse: { what: 'Running now.', unit: 'operations' },
  'queue.depth': { what: 'Waiting for a place.', unit: 'operations' },
  'queue.oldestMs': { what: 'How long the oldest of them has waited.', unit: 'ms' },
  'wait.p95Ms': { what: 'The wait for a place: 95 of 100 waited at most so long, over the last minute.', unit: 'ms' },
  'rejected.total': { what: 'Refused because there was no room, since the start.', unit: 'operations' },
  'completed.total': { what: 'Ended well, since the start.', unit: 'operations' },
  'failed.total': { what: 'Ended with an error, since the start.', unit: 'operations' },
  memoryBytes: { what: 'Memory the subsystem holds, as far as it can tell.', unit: 'bytes' },
  'cache.size': { what: 'Entries of its cache.', unit: 'entries' },
  'cache.hitRate': { what: 'Look-ups of the cache that found something; 0 before the first one.', unit: '0 to 1' },
  'cache.memoryBytes': { what: 'Memory of the cache.', unit: 'bytes' },
  'backpressure.state': { what: '0 normal, 1 warning, 2 critical, 3 shedding.', unit: 'level' },
  'backpressure.queueDepth': { what: 'What backpressure is judged by: all that waits in the subsystem.', unit: 'operations' },
} as const satisfies Readonly<Record<string, MetricDescription>>;

export type RequiredMetricKey = keyof typeof REQUIRED_METRICS;

export const REQUIRED_METRIC_KEYS = Object.keys(REQUIRED_METRICS) as readonly RequiredMetricKey[];

/** For a subsystem whose cache counts look-ups: `/metrics` shows them, since a rate cannot be turned back into counts. */
export const CACHE_LOOKUP_METRICS = {
  'cache.hits.total': { what: 'Look-ups of the cache that found something, since the start.', unit: 'look-ups' },
  'cache.misses.total': { what: 'Look-ups of the cache that found nothing, since the start.', unit: 'look-ups' },
} as const satisfies Readonly<Record<string, MetricDescription>>;

/** The metrics of a subsystem that describes its own keys: exactly the required ones and those. */
export type DescribedMetrics<Own> = Readonly<Record<RequiredMetricKey | (keyof Own & string), number>>;
