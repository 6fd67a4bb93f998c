import { BACKPRESSURE_STATES } from '@bellows/sdk';

export interface PrometheusMetric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every name that `/metrics` has: what a scrape shows and what the reference tells. */
export const PROMETHEUS_METRICS = {
  bellows_build_info: { type: 'gauge', labels: ['version', 'node'], help: 'Always 1: the versions of Bellows and Node.js.' },
  process_start_time_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the host started, in seconds since 1970; time() minus this is how long it is up.',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Memory of the process of the host in the last sample; executors and agents are processes of their own.',
  },
  bellows_config_revision: {
    type: 'gauge',
    labels: [],
    help: 'Of the configuration in force; each reload that changes something raises it.',
  },
  bellows_config_last_reload_successful: {
    type: 'gauge',
    labels: [],
    help: '1 if the last reload took the configuration over or found nothing to change, and before there was one; else 0.',
  },
  bellows_config_last_reload_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the last reload ended, well or not, in seconds since 1970; before there was one, the start.',
  },
  bellows_tokens_file_refused: {
    type: 'gauge',
    labels: [],
    help: '1 while the tokens file has changed and is not valid, so that the earlier tokens hold; else 0.',
  },
  bellows_operation_duration_seconds: {
    type: 'histogram',
    labels: ['operation', 'outcome'],
    help: 'Duration of calls by how they ended: ok, or the kind of their error.',
  },
  bellows_operation_in_flight: { type: 'gauge', labels: ['operation'], help: 'Calls running now.' },
  bellows_refused_calls_total: {
    type: 'counter',
    labels: ['tenant', 'code'],
    help: 'Calls refused for want of room before they began. Told apart are default and the tenants that the configuration names, up to 200; "(other)" is all others.',
  },
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
