import { type BellowsError, deadlineText, type IClock, isBellowsError, type OperationCall } from '@bellows/sdk';
import type { ComputeConfig } from './config.js';
import { computeError } from './errors.js';
import type { Fault, GuestCall, GuestResult, ModuleRef, WasiInput } from './executor/protocol.js';
import { checkGuestPaths } from './guest-paths.js';
import { exportedFunction, formatResults, parseArguments } from './guest-values.js';
import type { ModuleStats } from './module-stats.js';
import { unsupportedFeature } from './modules/check-module.js';
import type { ModuleCatalogue } from './modules/module-catalogue.js';
import type { ModuleFiles } from './modules/module-files.js';
import { effectiveConfig, type ModuleRecord, type WasmModuleConfig } from './modules/module-record.js';
import type { InvokeInput, InvokeOutput } from './operation-schemas.js';
import type { WasmScalingManager } from './wasm-scaling-manager.js';

export interface ModuleInvokerOptions {
  /** What is in force now. */
  readonly config: () => ComputeConfig;
  readonly clock: IClock;
  readonly catalogue: ModuleCatalogue;
  readonly files: ModuleFiles;
  readonly stats: ModuleStats;
  readonly manager: Pick<WasmScalingManager, 'run'>;
}

/** Field by field, never spread: a call may make its signal when it is asked for, which a copy does not carry over. */
type InvokerCall = Pick<OperationCall, 'deadlineAt' | 'signal'> & { readonly idempotencyKey?: string | undefined };

/** A guest that ends its executor each time must not go on for ever. */
const MAX_ATTEMPTS = 3;

/** Calls exported functions of modules. Any number of calls at once; how many run is the manager's affair. */
export class ModuleInvoker {
  readonly #options: ModuleInvokerOptions;

  constructor(options: ModuleInvokerOptions) {
    this.#options = options;
  }

  /** A call with an idempotency key is made again when its executor is lost, within its time. */
  async invoke(input: InvokeInput, call: InvokerCall): Promise<InvokeOutput> {
    if (input.fuel !== undefined) throw unsupportedFeature('fuel', 'Fuel is not metered yet; the deadline bounds the call');
    const { catalogue, config, stats, clock } = this.#options;
    const startedAt = clock.monotonicMs();
    const record = await catalogue.get(input.module, call.signal);
    const { deadlineMs } = effectiveConfig(record.settings, config());
    const deadlineAt = Math.min(call.deadlineAt, startedAt + (input.deadlineMs ?? deadlineMs));
    try {
      const output = await this.#repeat(record, input, { deadlineAt, signal: call.signal, idempotencyKey: call.idempotencyKey });
      stats.completed(record.name, output.pool);
      return output;
    } catch (error) {
      if (isBellowsError(error)) stats.failed(record.name, error, clock.now());
      throw error;
    }
  }

  async #repeat(record: ModuleRecord, input: InvokeInput, call: InvokerCall): Promise<InvokeOutput> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#run(record, input, call);
      } catch (error) {
        const lost = isBellowsError(error) && error.code === 'EXECUTOR_LOST';
        if (!lost || call.idempotencyKey === undefined || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async #run(record: ModuleRecord, input: InvokeInput, call: InvokerCall): Promise<InvokeOutput> {
    const { config, manager, files, catalogue } = this.#options;
    const guestCall = this.#guestCall(record, input);
    const module = moduleRef(record, effectiveConfig(record.settings, config()), files.pathOf(record.hash));
    const { outcome, durationMs } = await manager.run({
      work: { type: 'call', module, call: guestCall, deadlineMs: 0 },
      deadlineAt: call.deadlineAt,
      signal: call.signal,
    });
    if (outcome?.ok) return outputOf(outcome.result, durationMs);
    const fault = outcome?.fault as Fault;
    if (fault.code === 'MODULE_FILE_MISSING') {
      // Put again while this call waited: what has the name now is what the caller means.
      const now = await catalogue.get(record.name, call.signal);
      if (now.hash !== record.hash) return this.#run(now, input, call);
    }
    throw errorOf(fault, record.name);
  }

  #guestCall(record: ModuleRecord, input: InvokeInput): GuestCall {
    const type = exportedFunction(record, input.export);
    const args = parseArguments(input.args, type);
    return { exportName: input.export, args, wasi: record.kind === 'wasi' ? this.#wasiInput(input) : refuseWasi(input, record.name) };
  }

  #wasiInput(input: InvokeInput): WasiInput {
    const files = input.files ?? [];
    checkGuestPaths(files.map(({ path }) => path));
    return {
      argv: input.argv ?? [input.module],
      env: Object.entries(input.env ?? {}).map(([name, value]) => `${name}=${value}`),
      stdin: Buffer.from(input.input ?? '', 'base64'),
      files: files.map(({ path, base64 }) => ({ path, bytes: Buffer.from(base64, 'base64') })),
      seed: input.seed,
      nowMs: input.nowMs,
      maxOutputBytes: this.#options.config().maxOutputBytes,
    };
  }
}

export function moduleRef(record: Pick<ModuleRecord, 'hash'>, config: WasmModuleConfig, file: string): ModuleRef {
  const { maxPages, maxTableElements, maxPoolSize } = config;
  return { file, hash: record.hash, maxPages, maxTableElements, maxPoolSize };
}

/** What an executor said went wrong, as the error of the caller. */
export function errorOf({ code, message, phase, kind }: Fault, module: string): BellowsError {
  const at = phase === undefined ? {} : { phase };
  switch (code) {
    case 'TRAP':
      return computeError(
        'TRAP',
        `The guest "${module}" trapped${phase === 'start' ? ' in its start function' : ''}: ${message}. Fix the module or its input`,
        {
          ...at,
          data: { kind, phase },
        },
      );
    case 'EXECUTOR_LOST':
      return computeError(
        'EXECUTOR_LOST',
        `The call of "${module}" has no result: ${message}. It is safe to repeat if running it twice does no harm`,
      );
    case 'EXECUTOR_BROKEN':
      return computeError(
        'EXECUTOR_LOST',
        `The executor could not prepare "${module}": ${message}. Repeat the call; put the module again if it stays`,
        {
          retryAfterMs: 1_000,
        },
      );
    case 'CAPACITY':
      return computeError('CAPACITY', `There is no room to run "${module}": ${message}. Try again later`, { retryAfterMs: 1_000 });
    case 'DEADLINE_EXCEEDED':
      return computeError('DEADLINE_EXCEEDED', deadlineText(`The call of "${module}"`), at);
    default:
      return computeError(code, `The call of "${module}" failed: ${message}. ${ADVICE[code]}`, at);
  }
}

const ADVICE = Object.freeze({
  CANCELLED: 'Nothing is to be done',
  MEMORY_LIMIT: 'Raise maxPages or maxTableElements of the module, or give it less to do',
  MODULE_FILE_MISSING: 'Put the module again',
  MODULE_INVALID: 'Build the module again and put it',
  STACK_OVERFLOW: 'Let the guest recurse less deeply',
});

function outputOf({ results, wasi, pool }: GuestResult, durationMs: number): InvokeOutput {
  const base = { results: formatResults(results), durationMs, pool };
  if (wasi === undefined) return base;
  return {
    ...base,
    // a program that returns from its start has ended well
    exitCode: wasi.exitCode ?? 0,
    stdout: base64(wasi.stdout),
    stderr: base64(wasi.stderr),
    files: wasi.files.map(({ path, bytes }) => ({ path, base64: base64(bytes) })),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function refuseWasi(input: InvokeInput, module: string): undefined {
  const given = (['input', 'argv', 'env', 'files'] as const).filter((key) => Object.keys(input[key] ?? {}).length > 0);
  if (given.length === 0) return undefined;
  throw computeError(
    'WASI_UNUSED',
    `The module "${module}" imports nothing and cannot read ${given.join(', ')}: leave it out, or pass numbers in args`,
    {
      details: given.map((path) => ({ path, message: 'the module cannot read it' })),
    },
  );
}
