import type { IEventBus, ILogger, IMachine, IOperations, IScalableSubsystem, LimitReason, ScalingMetrics } from '@bellows/sdk';
import type { Governor } from './governor/governor.js';
import type { SubsystemRegistry } from './governor/subsystem-registry.js';
import type { HostStatus, HostView, SubsystemStatus, UploadStore } from './host-view.js';
import { TokensState } from './http/tokens-state.js';
import type { PluginSet } from './plugin-set.js';
import type { RunningConfig } from './reload/running-config.js';
import { HOST_VERSION } from './version.js';

interface Sources {
  readonly running: RunningConfig;
  readonly bus: IEventBus;
  readonly operations: IOperations;
  readonly machine: IMachine;
  readonly uploads: UploadStore;
  readonly logger: ILogger;
  readonly plugins: PluginSet;
  readonly registry: SubsystemRegistry;
  readonly governor: Governor;
  readonly hide: HostView['hide'];
  readonly startedAt: number;
}

/** The host as its edges see it: every answer is put together anew from the parts that own the facts. */
export function hostView(sources: Sources): HostView {
  const { bus, operations, machine, uploads, logger, startedAt, plugins, governor, hide, running } = sources;
  const tokens = new TokensState();
  const ready = () => ({
    ready: plugins.ready,
    plugins: plugins.statuses(),
    ...(tokens.refusal === undefined ? {} : { tokensRefused: tokens.refusal }),
  });
  const configuration = () => ({ configRevision: running.revision, ...lastReloadOf(running) });
  return {
    version: HOST_VERSION,
    startedAt,
    bus,
    operations,
    machine,
    uploads,
    logger,
    tokens,
    hide,
    ready,
    configuration,
    decisions: (filter) => governor.decisions(filter),
    status: () => ({
      ...ready(),
      version: HOST_VERSION,
      pid: process.pid,
      startedAt,
      configFile: running.loaded.file,
      ...configuration(),
      dataDir: running.config.host.dataDir,
      machine: machine.latest,
      subsystems: subsystems(sources),
    }),
  };
}

/** What a configuration held and holds is for those who may change it. */
function lastReloadOf({ lastReload }: RunningConfig): Pick<HostStatus, 'lastReload'> {
  if (lastReload === undefined) return {};
  const { changes: _changes, ...told } = lastReload;
  return { lastReload: told };
}

/** In the order of the plugins: which of them was up first changes from start to start. */
function subsystems({ registry, governor, plugins }: Sources): SubsystemStatus[] {
  const ids = plugins.runners.map(({ id }) => id);
  const entries = registry.entries().toSorted((one, other) => ids.indexOf(one.plugin) - ids.indexOf(other.plugin));
  return entries.flatMap(({ plugin, subsystem, metrics, backpressure }) => {
    const policy = governor.policyOf(subsystem.name);
    const known = metricsNow(subsystem) ?? metrics;
    if (known === undefined || policy === undefined) return [];
    const account = governor.account(subsystem.name);
    const limits = subsystem.currentLimits;
    return [
      {
        name: subsystem.name,
        plugin,
        limits,
        ceiling: account?.ceiling ?? limits.maxConcurrentOperations,
        policy,
        binding: bindingOf(subsystem, account),
        backpressure,
        metrics: known,
        ...(account?.last === undefined ? {} : { lastDecision: account.last }),
      },
    ];
  });
}

/** Whoever asks wants to know how it is, not how it was at the last reading. */
function metricsNow(subsystem: IScalableSubsystem): ScalingMetrics | undefined {
  try {
    return subsystem.getScalingMetrics();
  } catch {
    return undefined; // the reading every second logs it
  }
}

const NOT_DECIDED: LimitReason = Object.freeze({
  limitedBy: 'configured',
  reason: 'the governor has decided nothing yet: it starts with its own limits',
});

function bindingOf(subsystem: IScalableSubsystem, account: ReturnType<Governor['account']>): LimitReason {
  if (account?.last === undefined) return NOT_DECIDED;
  const limit = subsystem.currentLimits.maxConcurrentOperations;
  if (limit >= account.ceiling) return { limitedBy: account.last.limitedBy, reason: account.last.reason };
  const own = {
    limitedBy: 'law' as const,
    reason: `${subsystem.name} itself stays at ${limit}, below the ${account.ceiling} the governor allows`,
  };
  return subsystem.currentLimitReason ?? own;
}
