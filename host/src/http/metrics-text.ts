import type { HostView } from '../host-view.js';
import type { OperationMetrics } from '../operations/operation-metrics.js';
import { DecisionCounts } from './decision-counts.js';

/**
 * The text of `/metrics`, made anew by each call. Counts decisions from now on, until the bus goes; prom-client is loaded by the
 * first call, because a host that nobody scrapes should not pay for it at start.
 */
export function metricsTextFor(view: HostView, operations: OperationMetrics): () => Promise<string> {
  const decisions = new DecisionCounts(view.bus);
  let registry: Promise<{ metrics(): Promise<string> }> | undefined;
  return async () => {
    registry ??= import('./prometheus.js').then(({ prometheusRegistry }) => prometheusRegistry({ view, operations, decisions }));
    return (await registry).metrics();
  };
}
