import type {
  IEventBus,
  ILogger,
  IMachine,
  IOperations,
  IUploads,
  LimitReason,
  PluginStatus,
  ScalingDecision,
  ScalingLimits,
  ScalingMetrics,
} from '@bellows/sdk';

import type { PolicyInForce } from './governor/subsystem-policy.js';
import type { TokensRefusal, TokensState } from './http/tokens-state.js';
import type { ReloadReport } from './reload/reload-report.js';

/** Everything the edges (HTTP, CLI, dashboard) may see of a host. Reading it never changes anything. */
export interface HostView {
  readonly version: string;
  readonly startedAt: number;
  readonly bus: IEventBus;
  /** Plugins provide; the edges only call. */
  readonly operations: Pick<IOperations, 'call' | 'list'>;
  readonly machine: IMachine;
  readonly uploads: UploadStore;
  readonly logger: ILogger;
  readonly tokens: TokensState;
  /** Takes out of a text that goes to somebody what must not be shown. */
  hide(text: string): string;
  /** Ready when every required plugin is active or degraded. */
  ready(): ReadyReport;
  status(): HostStatus;
  /** What of it is about the configuration, without the rest, which asks every subsystem. */
  configuration(): Pick<HostStatus, 'configRevision' | 'lastReload'>;
  /** Newest first. */
  decisions(filter: { readonly subsystem?: string; readonly limit: number }): readonly ScalingDecision[];
}

export interface ReadyReport {
  readonly ready: boolean;
  readonly plugins: readonly PluginStatus[];
  /** The tokens file has changed and is not valid: the earlier tokens hold. Left out while all is well. */
  readonly tokensRefused?: TokensRefusal;
}

export interface SubsystemStatus {
  readonly name: string;
  readonly plugin: string;
  /** What is in force, after the subsystem's own law. */
  readonly limits: ScalingLimits;
  /** The governor's ceiling on concurrent operations. */
  readonly ceiling: number;
  /** The rules by which the governor gave that, and whose word each is. */
  readonly policy: PolicyInForce;
  /** What binds now: the governor's last decision, or the subsystem itself where it stays below its ceiling. */
  readonly binding: LimitReason;
  readonly backpressure: string;
  readonly metrics: ScalingMetrics;
  readonly lastDecision?: ScalingDecision;
}

export interface HostStatus extends ReadyReport {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly configFile: string | null;
  /** Raised by each reload that changed something. */
  readonly configRevision: number;
  /** Left out until there was one. */
  readonly lastReload?: Omit<ReloadReport, 'changes'>;
  readonly dataDir: string;
  readonly machine: IMachine['latest'];
  readonly subsystems: readonly SubsystemStatus[];
}

/** The writing side of uploads; plugins see `IUploads` only. */
export interface UploadStore extends IUploads {
  /** Keeps the bytes under their SHA-256 and answers `/v1/files/<sha256>`. `InputError` (`BODY_TOO_LARGE`, 413) past the limit, `CapacityError` (`DISK_FULL`). */
  save(chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<{ readonly url: string; readonly bytes: number }>;
}
