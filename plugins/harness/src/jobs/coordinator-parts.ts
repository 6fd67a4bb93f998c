import type { CancelTimer } from '@bellows/sdk';
import type { HarnessConfig, ScaleConfig } from '../config.js';
import { ScaleManager } from '../scaling/scale-manager.js';
import { WorkerPool } from '../scaling/worker-pool.js';
import { DurableChanges } from './durable-changes.js';
import type { HarnessServices } from './harness-services.js';
import { JobAdmission } from './job-admission.js';
import { JobBoard } from './job-board.js';
import { JobLoader } from './job-loader.js';
import type { JobStore } from './job-store.js';
import { JobWaiters } from './job-waiters.js';
import type { LiveJob } from './live-job.js';
import { type SessionObserver, SessionRunner } from './session-runner.js';
import { Verifier, type VerifierLimits } from './verifier.js';

/** What a coordinator is made of. */
export interface CoordinatorParts {
  readonly services: HarnessServices;
  readonly store: JobStore;
  readonly board: JobBoard;
  readonly scale: ScaleManager;
  readonly changes: DurableChanges;
  readonly waiters: JobWaiters;
  readonly loader: JobLoader;
  readonly runner: SessionRunner;
  readonly verifier: Verifier;
  readonly admission: JobAdmission;
  readonly timers: CancelTimer[];
}

export interface PartsOptions {
  readonly cwd: string;
  readonly scaleConfig: ScaleConfig;
  readonly displaysMetrics: boolean;
  readonly observer: SessionObserver | undefined;
  /** A job of an earlier run may begin. */
  onReady(job: LiveJob): void;
  onJobEnded(job: LiveJob): void;
}

/** Puts them together; nothing has begun. */
export function assembleParts(services: HarnessServices, store: JobStore, options: PartsOptions): CoordinatorParts {
  const { clock, logger, settings, commands, display, cores } = services;
  const { current: config } = settings;
  const board = new JobBoard(clock);
  const pool = new WorkerPool(options.cwd);
  const verifier = new Verifier({
    commands,
    clock,
    ...verifierLimits(config, cores),
    graceMs: config.killGraceMs,
    maxOutputBytes: config.maxOutputBytes,
  });
  const dependencies = { clock, logger, queue: board, cache: verifier, display };
  const scale = new ScaleManager(
    pool,
    options.cwd,
    {
      get depth() {
        return runner.depth;
      },
    },
    options.scaleConfig,
    dependencies,
  );
  const changes = new DurableChanges({ store, clock, logger });
  const waiters = new JobWaiters(clock);
  const loader: JobLoader = new JobLoader({ services, store, board, onReady: (job) => options.onReady(job) });
  const runner: SessionRunner = new SessionRunner({
    services,
    board,
    pool,
    scale,
    verifier,
    changes,
    displaysMetrics: options.displaysMetrics,
    observer: options.observer,
    repositoryOf: (job) => loader.repositoryOf(job),
    onJobEnded: (job) => options.onJobEnded(job),
  });
  const admission = new JobAdmission({ services, store, board, scale, loader, cwd: options.cwd });
  return { services, store, board, scale, changes, waiters, loader, runner, verifier, admission, timers: [] };
}

/** Takes another configuration over whole. `SCALE_CONFIG_INVALID`: then nothing was changed. */
export function reconfigureParts({ services, scale, verifier }: CoordinatorParts, config: HarnessConfig): void {
  // first: nothing after it is refused
  scale.configure(config.scale);
  verifier.configure(verifierLimits(config, services.cores));
  services.settings.current = config;
}

function verifierLimits({ maxConcurrentVerifications, verifyTimeoutMs }: HarnessConfig, cores: number): VerifierLimits {
  return { permits: maxConcurrentVerifications ?? Math.max(1, Math.floor(cores)), timeoutMs: verifyTimeoutMs };
}
