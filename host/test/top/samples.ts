import type { HostStatus, SubsystemStatus } from '../../src/host-view.js';
import { DECISION, MACHINE, METRICS, POLICY } from '../http/loopback-host.js';

export function subsystem(name: string, changes: Partial<SubsystemStatus> = {}): SubsystemStatus {
  return {
    name,
    plugin: name.split('.')[0] ?? name,
    limits: { maxCacheEntries: 10, maxMemoryBytes: 1_000, maxConcurrentOperations: 8, maxQueueDepth: 100 },
    ceiling: 8,
    policy: POLICY,
    binding: { limitedBy: 'ceiling', reason: 'it is at its ceiling' },
    backpressure: 'normal',
    metrics: METRICS,
    lastDecision: DECISION,
    ...changes,
  };
}

export function status(changes: Partial<HostStatus> = {}): HostStatus {
  return {
    version: '0.1.0',
    ready: true,
    pid: 7,
    startedAt: 1_700_000_000_000,
    configFile: null,
    configRevision: 1,
    dataDir: '/data',
    machine: MACHINE,
    plugins: [
      { id: 'demo', version: '1.0.0', state: 'active', reason: 'ACTIVE', message: '', since: 1, configRevision: 1 },
      { id: 'odd', version: '1.0.0', state: 'failed', reason: 'PLUGIN_THREW', message: 'it broke', since: 1, configRevision: 1 },
    ],
    subsystems: [subsystem('demo.pool'), subsystem('demo.other')],
    ...changes,
  };
}
