import { BACKPRESSURE_STATES } from '@bellows/sdk';

export interface PrometheusMetric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every name that `/metrics` has: what a scrape shows and what the reference tells. */
export const PROMETHEUS_METRICS = {
  bellows_operation_duration_seconds: {
    type: 'histogram',
    labels: ['operation', 'outcome'],
    help: 'Duration of calls by how they ended: ok, or the kind of their error.',
  },
  bellows_operation_in_flight: { type: 'gauge', labels: ['operation'], help: 'Calls running now.' },
  bellows_subsystem_limit: {
    type: 'gauge',
    labels: ['subsystem', 'limit'],
    help: 'Limits in force; "ceiling" is what the governor allows at most of maxConcurrentOperations.',
  },
  bellows_subsystem_queue_depth: { type: 'gauge', labels: ['subsystem'], help: 'Operations that wait for a place.' },
  bellows_subsystem_backpressure_state: {
    type: 'gauge',
    labels: ['subsystem'],
    help: `${BACKPRESSURE_STATES.map((state, level) => `${level} ${state}`).join(', ')}.`,
  },
  bellows_cache_hits_total: { type: 'counter', labels: ['subsystem'], help: 'Look-ups of the cache that were hits.' },
  bellows_cache_misses_total: { type: 'counter', labels: ['subsystem'], help: 'Look-ups of the cache that were misses.' },
  bellows_bus_delivered_total: { type: 'counter', labels: ['topic', 'class'], help: 'Events whose handler ended.' },
  bellows_bus_dropped_total: { type: 'counter', labels: ['topic', 'class'], help: 'Events shed because a mailbox was full.' },
  bellows_bus_errors_total: { type: 'counter', labels: ['topic', 'class'], help: 'Events whose handler threw.' },
  bellows_plugin_state: { type: 'gauge', labels: ['plugin', 'state'], help: '1 for the state a plugin is in, 0 for the others.' },
  bellows_decisions_total: { type: 'counter', labels: ['subsystem', 'outcome'], help: 'Decisions of the governor.' },
  bellows_event_loop_delay_seconds: {
    type: 'gauge',
    labels: [],
    help: '99th percentile of how late timers of the host ran in the last sample.',
  },
} as const satisfies Readonly<Record<string, PrometheusMetric>>;

export type PrometheusName = keyof typeof PROMETHEUS_METRICS;
