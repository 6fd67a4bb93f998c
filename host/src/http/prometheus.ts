import { PLUGIN_STATES } from '@bellows/sdk';
import { type Metric, Registry } from 'prom-client';
import type { HostView } from '../host-view.js';
import { DURATION_BUCKETS_S, type OperationMetrics, type OperationSeries } from '../operations/operation-metrics.js';
import type { DecisionCounts } from './decision-counts.js';
import { PROMETHEUS_METRICS, type PrometheusName } from './prometheus-metrics.js';

export interface PrometheusSources {
  readonly view: HostView;
  readonly operations: OperationMetrics;
  readonly decisions: DecisionCounts;
}

type Value = { readonly value: number; readonly labels: Readonly<Record<string, string>>; readonly metricName?: string };
type Add = (name: PrometheusName, read: () => Value[]) => void;
type Subsystem = ReturnType<HostView['status']>['subsystems'][number];

/**
 * The registry behind `/metrics`. Everything is read when it is scraped, from where it is counted anyway; nothing is counted
 * twice, and a host that is not scraped pays nothing. Not prom-client's global registry.
 */
export function prometheusRegistry({ view, operations, decisions }: PrometheusSources): Registry {
  const registry = new Registry();
  const add: Add = (name, read) => {
    const { help, type } = PROMETHEUS_METRICS[name];
    const get = async () => ({ name, help, type, values: read(), aggregator: 'sum' });
    // prom-client's own classes hold their values; ours only reads. The registry needs no more than this of a metric.
    registry.registerMetric({ name, help, get } as unknown as Metric);
  };
  addHost(add, view);
  addOperations(add, operations);
  addSubsystems(add, view);
  addBus(add, view);
  add('bellows_plugin_state', () =>
    view
      .ready()
      .plugins.flatMap(({ id, state }) =>
        PLUGIN_STATES.map((name) => ({ value: name === state ? 1 : 0, labels: { plugin: id, state: name } })),
      ),
  );
  add('bellows_decisions_total', () =>
    decisions.all().map(({ subsystem, outcome, count }) => ({ value: count, labels: { subsystem, outcome } })),
  );
  add('bellows_event_loop_delay_seconds', () => [{ value: view.machine.latest.eventLoopDelayP99Ms / 1000, labels: {} }]);
  return registry;
}

function addHost(add: Add, view: HostView): void {
  const single = (name: PrometheusName, read: () => number) => add(name, () => [{ value: read(), labels: {} }]);
  add('bellows_build_info', () => [{ value: 1, labels: { version: view.version, node: process.versions.node } }]);
  single('process_start_time_seconds', () => view.startedAt / 1000);
  single('process_resident_memory_bytes', () => view.machine.latest.rssBytes);
  single('bellows_config_revision', () => view.configuration().configRevision);
  single('bellows_config_last_reload_successful', () => {
    const { lastReload } = view.configuration();
    return lastReload === undefined || lastReload.outcome === 'applied' || lastReload.outcome === 'unchanged' ? 1 : 0;
  });
  single('bellows_config_last_reload_timestamp_seconds', () => (view.configuration().lastReload?.at ?? view.startedAt) / 1000);
  single('bellows_tokens_file_refused', () => (view.tokens.refusal === undefined ? 0 : 1));
}

function addOperations(add: Add, operations: OperationMetrics): void {
  add('bellows_operation_duration_seconds', () =>
    operations.series().flatMap((series) => histogramValues('bellows_operation_duration_seconds', series)),
  );
  add('bellows_refused_calls_total', () =>
    operations.refusals.all().map(({ tenant, code, count }) => ({ value: count, labels: { tenant, code } })),
  );
  add('bellows_operation_in_flight', () => [...operations.inFlight()].map(([operation, value]) => ({ value, labels: { operation } })));
}

function histogramValues(name: string, { operation, outcome, count, sumSeconds, buckets }: OperationSeries): Value[] {
  const labels = { operation, outcome };
  let below = 0;
  const cumulative = DURATION_BUCKETS_S.map((bound, index) => {
    below += buckets[index] ?? 0;
    return { metricName: `${name}_bucket`, value: below, labels: { le: String(bound), ...labels } };
  });
  return [
    ...cumulative,
    { metricName: `${name}_bucket`, value: count, labels: { le: '+Inf', ...labels } },
    { metricName: `${name}_sum`, value: sumSeconds, labels },
    { metricName: `${name}_count`, value: count, labels },
  ];
}

function addSubsystems(add: Add, view: HostView): void {
  const each = (values: (subsystem: Subsystem) => [number | undefined, Record<string, string>][]) => () =>
    view
      .status()
      .subsystems.flatMap((subsystem) =>
        values(subsystem).flatMap(([value, labels]) =>
          value === undefined ? [] : [{ value, labels: { subsystem: subsystem.name, ...labels } }],
        ),
      );
  const metric = (key: string) => each(({ metrics }) => [[metrics[key], {}]]);
  add(
    'bellows_subsystem_limit',
    each(({ limits, ceiling }) => [
      ...Object.entries(limits).map(([limit, value]): [number, Record<string, string>] => [value, { limit }]),
      [ceiling, { limit: 'ceiling' }],
    ]),
  );
  add('bellows_subsystem_queue_depth', metric('queue.depth'));
  add('bellows_subsystem_backpressure_state', metric('backpressure.state'));
  // Subsystems that count look-ups report them under these keys; the rate alone cannot be turned back into counts.
  add('bellows_cache_hits_total', metric('cache.hits.total'));
  add('bellows_cache_misses_total', metric('cache.misses.total'));
}

function addBus(add: Add, view: HostView): void {
  for (const what of ['delivered', 'dropped', 'errors'] as const) {
    add(`bellows_bus_${what}_total`, () =>
      view.bus.counters().map((counters) => ({ value: counters[what], labels: { topic: counters.topic, class: counters.class } })),
    );
  }
}
