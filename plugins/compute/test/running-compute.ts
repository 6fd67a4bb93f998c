import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  BellowsError,
  type CallOptions,
  FULL_AUTHORITY,
  type IClock,
  type IOperations,
  type IScalableSubsystem,
  type IUploads,
  NotFoundError,
  type OperationDefinition,
  type PluginContext,
  type Reconfigure,
  type ScalingMetrics,
  silentLogger,
  systemClock,
  systemRandom,
  TOKENS,
} from '@bellows/sdk';
import { MemoryStore, RecordingBus } from '@bellows/sdk/testing';
import { type ComputeConfig, computeConfigSchema } from '../src/config.js';
import type { ExecutorPool } from '../src/executor-pool.js';
import { activateCompute } from '../src/plugin.js';
import type { WasmScalingManager } from '../src/wasm-scaling-manager.js';

/** The built executor: a process of its own needs files that Node.js runs as they are. */
export const EXECUTOR_ENTRY = new URL('../dist/bundle/executor/main.js', import.meta.url);

export interface RunningComputeOptions {
  readonly config?: Partial<ComputeConfig>;
  readonly store?: MemoryStore;
  readonly dataDir?: string;
  readonly uploads?: ReadonlyMap<string, Uint8Array>;
  readonly cores?: number;
  /** Default: the machine's. With one that stands still, what an executor does at a deadline is its own doing, however slow it is. */
  readonly clock?: IClock;
}

/** The plugin as a host runs it, with real executors; `await using` stops it and removes its folder unless that was given. */
export class RunningCompute implements AsyncDisposable {
  readonly store: MemoryStore;
  readonly dataDir: string;
  readonly manager: WasmScalingManager;
  readonly #clock: IClock;
  readonly #operations: ReadonlyMap<string, OperationDefinition<never, unknown>>;
  readonly #pool: ExecutorPool;
  readonly #reconfigure: Reconfigure<ComputeConfig>;
  #config: ComputeConfig;
  readonly #release: () => Promise<void>;

  private constructor(fields: Fields, operations: Operations, release: () => Promise<void>) {
    this.#pool = fields.pool;
    this.#clock = fields.clock;
    this.#reconfigure = fields.reconfigure;
    this.#config = fields.config;
    this.store = fields.store;
    this.dataDir = fields.dataDir;
    this.manager = fields.manager;
    this.#operations = operations;
    this.#release = release;
  }

  static async start(options: RunningComputeOptions = {}): Promise<RunningCompute> {
    const store = options.store ?? new MemoryStore();
    const dataDir = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'bellows-compute-')));
    const clock = options.clock ?? systemClock;
    const operations: Operations = new Map();
    const owned: (() => unknown)[] = [];
    let manager: IScalableSubsystem | undefined;
    let reconfigure: Reconfigure<ComputeConfig> | undefined;
    const troubles = new Map<string, string>();
    const services = new Map<symbol, unknown>([
      [TOKENS.Machine.key, { latest: { cores: options.cores ?? 2, memoryRatio: 0.1, memoryTotalBytes: 8 * 2 ** 30 } }],
      [TOKENS.Uploads.key, uploadsOf(options.uploads ?? new Map())],
    ]);
    const ctx = {
      id: 'compute',
      config: computeConfigSchema.parse(options.config ?? {}),
      dataDir,
      bus: new RecordingBus(),
      operations: {
        provide: (definition: OperationDefinition<never, unknown>) => operations.set(definition.name, definition),
        rulesOf: (name: string) => {
          const { role = 'operator', runsCommands = false } = operations.get(name) ?? {};
          return operations.has(name) ? { role, runsCommands } : undefined;
        },
      } as unknown as IOperations,
      store,
      logger: silentLogger,
      clock,
      random: systemRandom,
      signal: new AbortController().signal,
      get: (token: { readonly key: symbol }) => services.get(token.key),
      own: (release: () => unknown) => owned.push(release),
      registerSubsystem: (subsystem: IScalableSubsystem) => {
        manager = subsystem;
      },
      onReconfigure: (apply: Reconfigure<ComputeConfig>) => {
        reconfigure = apply;
      },
      degrade: (reason: string, message: string) => troubles.set(reason, message),
      recover: (reason: string) => troubles.delete(reason),
    } as unknown as PluginContext<ComputeConfig>;
    const pool = await activateCompute(ctx, EXECUTOR_ENTRY);
    const fields = {
      store,
      dataDir,
      clock,
      pool,
      manager: manager as WasmScalingManager,
      config: ctx.config,
      reconfigure: reconfigure as Reconfigure<ComputeConfig>,
    };
    return new RunningCompute(fields, operations, async () => {
      for (const release of owned.reverse()) await release();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    });
  }

  /** As a reload of the host does it. */
  async change(options: Partial<ComputeConfig>): Promise<void> {
    const previous = this.#config;
    const config = computeConfigSchema.parse({ ...previous, ...options });
    await this.#reconfigure({ config, previous, changed: Object.keys(options), signal: new AbortController().signal });
    this.#config = config;
  }

  get executorPids(): readonly number[] {
    return this.#pool.pids;
  }

  get operationNames(): readonly string[] {
    return [...this.#operations.keys()];
  }

  get metrics(): ScalingMetrics {
    return this.manager.getScalingMetrics();
  }

  /** As the host calls an operation: input and output are checked. */
  async call<O = Record<string, never>>(name: string, input: unknown, options: CallOptions = {}): Promise<O> {
    const operation = this.#operations.get(name);
    if (operation === undefined) throw new NotFoundError('OPERATION_UNKNOWN', name);
    const parsed = operation.input.safeParse(input);
    if (!parsed.success) throw new BellowsError('input', 'INPUT_INVALID', parsed.error.message);
    const signal = options.signal ?? new AbortController().signal;
    const deadlineAt = options.deadlineMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + options.deadlineMs;
    const call = {
      operation: name,
      tenant: 'default',
      user: 'test',
      criticality: 'critical',
      deadlineAt,
      signal,
      traceId: 'test',
      authority: FULL_AUTHORITY,
      ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
    } as const;
    return operation.output.parse(await operation.handler(parsed.data as never, call)) as O;
  }

  async put(name: string, wasm: Uint8Array, config?: Record<string, unknown>): Promise<Record<string, unknown>> {
    return this.call('compute.put', { name, wasm: Buffer.from(wasm).toString('base64'), ...(config === undefined ? {} : { config }) });
  }

  invoke(module: string, fields: Record<string, unknown> = {}, options: CallOptions = {}): Promise<Invoked> {
    return this.call<Invoked>('compute.invoke', { module, ...fields }, options);
  }

  stop(): Promise<void> {
    return this.#release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }
}

export interface Invoked {
  readonly results: (number | string)[];
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly files?: { readonly path: string; readonly base64: string }[];
  readonly durationMs: number;
  readonly pool: string;
}

/** The code and the data of what a promise rejects with; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<BellowsError> {
  try {
    await promise;
  } catch (error) {
    return error as BellowsError;
  }
  throw new Error('it should have been rejected');
}

/** Waits for a state that other processes bring about; the time-out of the test is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A process that ended and was not collected by its parent yet (a zombie) is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

interface Fields extends Pick<RunningCompute, 'store' | 'dataDir' | 'manager'> {
  readonly clock: IClock;
  readonly pool: ExecutorPool;
  readonly config: ComputeConfig;
  readonly reconfigure: Reconfigure<ComputeConfig>;
}

type Operations = Map<string, OperationDefinition<never, unknown>>;

function uploadsOf(files: ReadonlyMap<string, Uint8Array>): IUploads {
  return {
    async read(url) {
      const bytes = files.get(url);
      if (bytes === undefined) throw new NotFoundError('UPLOAD_UNKNOWN', `There is no upload ${url}`);
      return bytes;
    },
  };
}
