import { BACKPRESSURE_STATES, PLUGIN_STATES } from '@bellows/sdk';
import { type Metric, Registry } from 'prom-client';
import type { HostView } from '../host-view.js';
import { DURATION_BUCKETS_S, type OperationMetrics, type OperationSeries } from '../operations/operation-metrics.js';
import type { DecisionCounts } from './decision-counts.js';

export interface PrometheusSources {
  readonly view: HostView;
  readonly operations: OperationMetrics;
  readonly decisions: DecisionCounts;
}

type Value = { readonly value: number; readonly labels: Readonly<Record<string, string>>; readonly metricName?: string };
type Kind = 'counter' | 'gauge' | 'histogram';

/**
 * The registry behind `/metrics`. Everything is read when it is scraped, from where it is counted anyway; nothing is counted
 * twice, and a host that is not scraped pays nothing. Not prom-client's global registry.
 */
export function prometheusRegistry({ view, operations, decisions }: PrometheusSources): Registry {
  const registry = new Registry();
  const add = (kind: Kind, name: string, { help, read }: { readonly help: string; readonly read: () => Value[] }) => {
    const get = async () => ({ name, help, type: kind, values: read(), aggregator: 'sum' });
    // prom-client's own classes hold their values; ours only reads. The registry needs no more than this of a metric.
    registry.registerMetric({ name, help, get } as unknown as Metric);
  };
  addOperations(add, operations);
  addSubsystems(add, view);
  addBus(add, view);
  add('gauge', 'bellows_plugin_state', {
    help: '1 for the state a plugin is in, 0 for the others.',
    read: () =>
      view
        .ready()
        .plugins.flatMap(({ id, state }) =>
          PLUGIN_STATES.map((name) => ({ value: name === state ? 1 : 0, labels: { plugin: id, state: name } })),
        ),
  });
  add('counter', 'bellows_decisions_total', {
    help: 'Decisions of the governor.',
    read: () => decisions.all().map(({ subsystem, outcome, count }) => ({ value: count, labels: { subsystem, outcome } })),
  });
  add('gauge', 'bellows_event_loop_delay_seconds', {
    help: '99th percentile of how late timers of the host ran in the last sample.',
    read: () => [{ value: view.machine.latest.eventLoopDelayP99Ms / 1000, labels: {} }],
  });
  return registry;
}

type Add = (kind: Kind, name: string, metric: { readonly help: string; readonly read: () => Value[] }) => void;

function addOperations(add: Add, operations: OperationMetrics): void {
  add('histogram', 'bellows_operation_duration_seconds', {
    help: 'Duration of calls by how they ended: ok, or the kind of their error.',
    read: () => operations.series().flatMap((series) => histogramValues('bellows_operation_duration_seconds', series)),
  });
  add('gauge', 'bellows_operation_in_flight', {
    help: 'Calls running now.',
    read: () => [...operations.inFlight()].map(([operation, value]) => ({ value, labels: { operation } })),
  });
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
  const each =
    (values: (subsystem: ReturnType<HostView['status']>['subsystems'][number]) => [number | undefined, Record<string, string>][]) => () =>
      view
        .status()
        .subsystems.flatMap((subsystem) =>
          values(subsystem).flatMap(([value, labels]) =>
            value === undefined ? [] : [{ value, labels: { subsystem: subsystem.name, ...labels } }],
          ),
        );
  add('gauge', 'bellows_subsystem_limit', {
    help: 'Limits in force; "ceiling" is what the governor allows at most of maxConcurrentOperations.',
    read: each(({ limits, ceiling }) => [
      ...Object.entries(limits).map(([limit, value]): [number, Record<string, string>] => [value, { limit }]),
      [ceiling, { limit: 'ceiling' }],
    ]),
  });
  add('gauge', 'bellows_subsystem_queue_depth', {
    help: 'Operations that wait for a place.',
    read: each(({ metrics }) => [[metrics['queue.depth'], {}]]),
  });
  add('gauge', 'bellows_subsystem_backpressure_state', {
    help: `${BACKPRESSURE_STATES.map((state, level) => `${level} ${state}`).join(', ')}.`,
    read: each(({ metrics }) => [[metrics['backpressure.state'], {}]]),
  });
  // Subsystems that count look-ups report them under these keys; the rate alone cannot be turned back into counts.
  for (const what of ['hits', 'misses'] as const) {
    add('counter', `bellows_cache_${what}_total`, {
      help: `Look-ups of the cache that were ${what}.`,
      read: each(({ metrics }) => [[metrics[`cache.${what}.total`], {}]]),
    });
  }
}

function addBus(add: Add, view: HostView): void {
  const help = {
    delivered: 'Events whose handler ended.',
    dropped: 'Events shed because a mailbox was full.',
    errors: 'Events whose handler threw.',
  } as const;
  for (const what of ['delivered', 'dropped', 'errors'] as const) {
    add('counter', `bellows_bus_${what}_total`, {
      help: help[what],
      read: () =>
        view.bus.counters().map((counters) => ({ value: counters[what], labels: { topic: counters.topic, class: counters.class } })),
    });
  }
}
