import { CACHE_LOOKUP_METRICS, type MetricDescription } from '@bellows/sdk';

/** What the keys of `workflow.pipeline` mean that only this subsystem has. */
export const WORKFLOW_METRICS = {
  ...CACHE_LOOKUP_METRICS,
  'slots.timeouts.total': { what: 'Waits for a slot that were given up, since the start.', unit: 'waits' },
  'runs.active': { what: 'Open runs held in memory.', unit: 'runs' },
  'runs.dormant': { what: 'Open runs that wait for a time or a signal: on disk, until it comes.', unit: 'runs' },
  'state.spilled.total': { what: 'Values too large for the history, written beside it, since the start.', unit: 'values' },
  'law.limit': { what: 'Stages at once the own law allows, below the ceiling of the governor.', unit: 'stages' },
  'journal.stalled': { what: '1 while nothing can be written, because the disk is full; else 0.', unit: '0 or 1' },
} as const satisfies Readonly<Record<string, MetricDescription>>;
