import { type IClock, InputError, type IUploads, type OperationCall } from '@bellows/sdk';
import type { ComputeConfig } from './config.js';
import { computeError } from './errors.js';
import { errorOf, moduleRef } from './module-invoker.js';
import { checkFits, checkModule, unsupportedFeature } from './modules/check-module.js';
import type { ModuleCatalogue } from './modules/module-catalogue.js';
import type { ModuleFiles } from './modules/module-files.js';
import { effectiveConfig, type ModuleRecord, type ModuleSettings, type WasmModuleConfig } from './modules/module-record.js';
import { WASI_FUNCTIONS } from './modules/wasi-functions.js';
import type { PutInput, PutOutput } from './operation-schemas.js';
import type { WasmScalingManager } from './wasm-scaling-manager.js';

export interface ModuleInstallerOptions {
  /** What is in force now. */
  readonly config: () => ComputeConfig;
  readonly clock: IClock;
  readonly catalogue: ModuleCatalogue;
  readonly files: ModuleFiles;
  readonly uploads: () => IUploads;
  readonly manager: Pick<WasmScalingManager, 'run'>;
}

/** Takes modules in and changes their settings. Checked as a whole before anything of it can be seen. */
export class ModuleInstaller {
  readonly #options: ModuleInstallerOptions;

  constructor(options: ModuleInstallerOptions) {
    this.#options = options;
  }

  async put(input: PutInput, call: Pick<OperationCall, 'deadlineAt' | 'signal'>): Promise<PutOutput> {
    const { config, catalogue, files } = this.#options;
    const given = supported(input.config ?? {});
    const bytes = await this.#bytes(input.wasm);
    const facts = checkModule(bytes, WASI_FUNCTIONS);
    const staged = await files.stage(bytes);
    try {
      const widest = effectiveConfig(
        { maxPages: Math.max(1, facts.minPages), maxTableElements: Math.max(1, facts.minTableElements) },
        config(),
      );
      await this.#compile({ hash: staged.hash, file: staged.file, config: widest, name: input.name }, call);
      const record = await catalogue.put(input.name, staged, (before) => {
        const settings = { ...before?.settings, ...given };
        checkFits(facts, effectiveConfig(settings, config()));
        return { ...facts, name: input.name, hash: staged.hash, settings };
      });
      return {
        name: record.name,
        hash: record.hash,
        bytes: record.bytes,
        exports: record.exports,
        imports: record.imports,
        kind: record.kind,
      };
    } finally {
      await files.discard(staged);
    }
  }

  /** Changes what is given and answers what is in force; with nothing given it only answers. */
  async configure(name: string, change: ModuleSettings): Promise<WasmModuleConfig> {
    const { catalogue, config } = this.#options;
    const given = supported(change);
    if (Object.keys(given).length === 0) return effectiveConfig((await catalogue.get(name)).settings, config());
    const record = await catalogue.update(name, (before): ModuleRecord => {
      const settings = { ...before.settings, ...given };
      checkFits(before, effectiveConfig(settings, config()));
      return { ...before, settings };
    });
    return effectiveConfig(record.settings, config());
  }

  async #bytes(wasm: string): Promise<Uint8Array> {
    const { maxModuleBytes } = this.#options.config();
    const bytes = wasm.startsWith('/') ? await this.#options.uploads().read(wasm) : fromBase64(wasm);
    if (bytes.length <= maxModuleBytes) return bytes;
    throw computeError(
      'MODULE_TOO_LARGE',
      `The module has ${bytes.length} bytes, ${maxModuleBytes} are allowed: raise maxModuleBytes, or build it smaller`,
      {
        status: 413,
      },
    );
  }

  /** V8 has the last word, in an executor: compiling is work that a hostile module chooses. */
  async #compile(
    { hash, file, config, name }: { hash: string; file: string; config: WasmModuleConfig; name: string },
    call: Pick<OperationCall, 'deadlineAt' | 'signal'>,
  ): Promise<void> {
    const { manager, clock } = this.#options;
    const { outcome } = await manager.run({
      work: { type: 'check', module: moduleRef({ hash }, config, file), deadlineMs: 0 },
      deadlineAt: Math.min(call.deadlineAt, clock.monotonicMs() + this.#options.config().deadlineMs),
      signal: call.signal,
    });
    if (outcome !== null && !outcome.ok) throw errorOf(outcome.fault, name);
  }
}

/** Settings of things that are not there yet are refused rather than kept and ignored. */
function supported({ fuel, persistState, ...settings }: ModuleSettings): ModuleSettings {
  if (fuel !== undefined) throw unsupportedFeature('fuel', 'Fuel is not metered yet; the deadline bounds every call');
  if (persistState === true) throw unsupportedFeature('persistState', 'Modules cannot keep state between calls yet');
  return settings;
}

function fromBase64(text: string): Uint8Array {
  // `Buffer.from` ignores what is no base64; a caller should hear of it.
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0) return Buffer.from(text, 'base64');
  throw new InputError(
    'INPUT_INVALID',
    'The module is neither base64 nor the url of an upload: send base64, or POST it to /v1/files and send the url',
    {
      plugin: 'compute',
      details: [{ path: 'wasm', message: 'neither base64 nor an upload url' }],
    },
  );
}
