import type { HostEvent } from '../../dashboard/src/state/host-event.js';
import type { StreamBlock } from '../../dashboard/src/state/sse-parser.js';
import type { HostStatus } from '../../src/host-view.js';
import { DECISION, METRICS, POLICY } from '../http/loopback-host.js';

export const LIMITS = { maxCacheEntries: 10, maxMemoryBytes: 1_000, maxConcurrentOperations: 4, maxQueueDepth: 100 };

/** As `/v1/status` answers, with one plugin and the subsystems that are named. */
export function statusAt(at: number, { pid = 1, names = ['demo.pool'] }: { pid?: number; names?: readonly string[] } = {}): HostStatus {
  return {
    ready: true,
    version: '0.1.0',
    pid,
    startedAt: 1_000 + pid,
    configFile: null,
    configRevision: 1,
    dataDir: '/data',
    plugins: [{ id: 'demo', version: '1.0.0', state: 'active', reason: 'ACTIVE', message: '', since: 500, configRevision: 1 }],
    machine: {
      at,
      cores: 2,
      cpuRatio: 0.5,
      memoryTotalBytes: 100,
      memoryUsedBytes: 50,
      memoryRatio: 0.5,
      eventLoopDelayP99Ms: 1,
      eventLoopUtilization: 0.1,
      heapUsedBytes: 10,
      rssBytes: 20,
    },
    subsystems: names.map((name) => ({
      name,
      plugin: 'demo',
      limits: LIMITS,
      ceiling: 4,
      policy: POLICY,
      binding: { limitedBy: 'demand', reason: 'it gets what it wants' },
      backpressure: 'normal',
      metrics: METRICS,
    })),
  };
}

/** Event number `id`, published at `id` × 10 ms after 10 s. */
export function eventOf<T extends HostEvent['topic']>(topic: T, id: number, payload: object): StreamBlock {
  return { event: topic, id: String(id), data: JSON.stringify({ topic, id, at: 10_000 + id * 10, source: 'host', version: 1, payload }) };
}

export const PAYLOADS = {
  metrics: (inUse: number) => ({ subsystem: 'demo.pool', values: { ...METRICS, inUse }, backpressure: 'normal', limits: LIMITS }),
  decision: (count: number) => ({ ...DECISION, id: `d${count}`, at: 20_000 + count }),
  reconfigure: (ceiling: number) => ({
    subsystem: 'demo.pool',
    from: LIMITS,
    to: { ...LIMITS, maxConcurrentOperations: ceiling },
    revision: ceiling,
    decisionId: 'd1',
    reason: '',
  }),
  status: (since: number) => ({ plugin: 'demo', state: 'degraded', reason: 'SLOW', message: `since ${since}`, since, configRevision: 1 }),
  backpressure: (to: string) => ({ subsystem: 'demo.pool', from: 'normal', to }),
};
