import { BoundedCache, type CacheStats, type ErrorDetail, type IClock } from '@bellows/sdk';
import type { StageFunction } from '@bellows/sdk/workflow';
import { workflowError } from '../errors.js';
import type { IFlowStore, StoredDefinition } from '../store/flow-records.js';
import { compilePipeline } from './compile-pipeline.js';
import { codeOf, definitionChanges } from './definition-changes.js';
import { NearestName } from './nearest-name.js';
import { parseText } from './parse-text.js';
import type { Pipeline } from './pipeline.js';
import { shortened } from './shortened.js';
import type { KnownOperations } from './stage-reader.js';

/** Entries alone would not bound the memory: one definition may have 100,000 stages. */
const MAX_CACHE_BYTES = 256 * 1024 * 1024;
/** What a stage takes compiled, apart from what is written in it; measured 750 to 850 with one `${…}`, 270 with a dependency only. */
const BYTES_PER_STAGE = 900;

export interface DefinitionRegistryOptions {
  readonly store: Pick<IFlowStore, 'saveDefinition' | 'definition' | 'definitions'>;
  readonly clock: Pick<IClock, 'now'>;
  readonly maxDepth: number;
  readonly maxStages: number;
  /** Of those that came over an operation or from an earlier start; those of files stay in memory. */
  readonly maxCacheEntries: number;
}

/** A definition as somebody sends it: as text, or as parsed JSON. Exactly one of the two. */
export type DefinitionInput = { readonly yaml: string } | { readonly json: unknown };

export interface DefineOptions {
  readonly check?: (pipeline: Pipeline) => void;
  /** Left out: whatever a stage calls will do. */
  readonly operations?: KnownOperations;
}

/**
 * Which workflows there are, by name and version. Durable: what `define` resolved with is there after a restart. A version never changes;
 * the one without a number is the highest that can run. Names and versions of files stay known when the file is gone.
 */
export class DefinitionRegistry {
  readonly #options: DefinitionRegistryOptions;
  readonly #cache: BoundedCache<Pipeline>;
  readonly #fromFiles = new Map<string, Pipeline>();
  #maxDepth: number;
  #functions: ReadonlyMap<string, StageFunction> = new Map();
  #changedCode: readonly Pipeline[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: DefinitionRegistryOptions) {
    this.#options = options;
    this.#maxDepth = options.maxDepth;
    this.#cache = new BoundedCache<Pipeline>({ maxEntries: options.maxCacheEntries, maxBytes: MAX_CACHE_BYTES, sizeOf });
  }

  /**
   * Takes over what files say, in place of what they said before. Rejects with one `DEFINITION_CHANGED` that names every file whose
   * definition differs from the one kept under its version; then nothing
   * is kept and everything is as before.
   */
  async addFiles({
    pipelines,
    functions,
  }: {
    readonly pipelines: readonly Pipeline[];
    readonly functions: ReadonlyMap<string, StageFunction>;
  }) {
    const changed = this.changesOf(pipelines);
    const added: Pipeline[] = [];
    const recoded: Pipeline[] = [];
    for (const pipeline of pipelines) {
      const stored = this.#options.store.definition(pipeline.name, pipeline.version);
      if (stored === null) added.push(pipeline);
      else if (codeOf(stored.outline) !== codeOf(pipeline.outline)) {
        added.push(pipeline);
        // nothing was kept by an earlier release
        if (codeOf(stored.outline) !== null) recoded.push(pipeline);
      }
    }
    const [first] = changed;
    if (first !== undefined) {
      const more = changed.length === 1 ? '' : ` (and ${changed.length - 1} more, see details)`;
      throw workflowError('DEFINITION_CHANGED', `${first.path}: ${first.message}${more}`, { phase: 'activate', details: changed });
    }
    await Promise.all(added.map((pipeline) => this.#save(pipeline)));
    this.#changedCode = recoded;
    this.#functions = functions;
    // what was compiled may hold functions that were replaced
    this.#cache.clear();
    this.#fromFiles.clear();
    for (const pipeline of pipelines) this.#fromFiles.set(keyOf(pipeline.name, pipeline.version), pipeline);
  }

  /** Those that {@link addFiles} would refuse as `DEFINITION_CHANGED`, by file. Changes nothing. */
  changesOf(pipelines: readonly Pipeline[]): readonly ErrorDetail[] {
    return pipelines.flatMap((pipeline) => {
      const stored = this.#options.store.definition(pipeline.name, pipeline.version);
      if (stored === null || stored.hash === pipeline.hash) return [];
      return [{ path: pipeline.file ?? '', message: this.#changedMessage(stored, pipeline) }];
    });
  }

  /**
   * Resolves when the definition is durable and can be started. The same one again changes nothing. Rejects with what `compilePipeline`
   * throws, `DEFINITION_INVALID` for text that cannot be read, and `DEFINITION_CHANGED` when there is another one under its version.
   * Without a `version` it is version 1. What `check` throws refuses it before anything is kept, and so does an operation that is not
   * among `operations`.
   */
  async define(input: DefinitionInput, { check, operations }: DefineOptions = {}): Promise<Pipeline> {
    const { maxStages } = this.#options;
    const maxDepth = this.#maxDepth;
    const definition = 'yaml' in input ? parsedYaml(input.yaml) : input.json;
    const pipeline = compilePipeline(definition, {
      maxDepth,
      maxStages,
      functions: this.#functions,
      ...(operations === undefined ? {} : { operations }),
    });
    check?.(pipeline);
    return this.#inTurn(async () => {
      const { name, version, hash } = pipeline;
      const stored = this.#options.store.definition(name, version);
      if (stored === null) {
        await this.#save(pipeline);
        this.#cache.delete(keyOf(name, null));
      } else if (stored.hash !== hash) {
        throw workflowError('DEFINITION_CHANGED', this.#changedMessage(stored, pipeline), { phase: 'call' });
      }
      return this.#fromFiles.get(keyOf(name, version)) ?? this.#kept(keyOf(name, version), pipeline);
    });
  }

  /**
   * At once. Without a version: the highest that can run. `WORKFLOW_UNKNOWN` when there is none, also when its file is gone, and
   * `FUNCTION_UNKNOWN` when functions it names are. Limits that were lowered since do not matter: its runs must be able to end.
   */
  lookUp(name: string, version: number | null = null): Pipeline {
    const key = keyOf(name, version);
    const found = (version === null ? undefined : this.#fromFiles.get(key)) ?? this.#cache.get(key);
    if (found !== undefined) return found;
    const pipeline = version === null ? this.#latest(name) : this.#restored(this.#options.store.definition(name, version));
    if (pipeline === undefined) throw this.#unknown(name, version);
    return this.#kept(key, pipeline);
  }

  /** All there are, those included whose file is gone. */
  list(): readonly StoredDefinition[] {
    return this.#options.store.definitions();
  }

  /** Definitions of files whose stages are as they were kept before the last `addFiles`, and whose functions are not. */
  get changedCode(): readonly Pipeline[] {
    return this.#changedCode;
  }

  /** Those that were kept and cannot run now: the file, or a function that is named, is gone. */
  unusable(): readonly StoredDefinition[] {
    return this.list().filter(({ name, version, json }) => {
      if (this.#fromFiles.has(keyOf(name, version))) return false;
      // most have no functions, and compiling each would hold up the start
      if (json !== null && !json.includes('"run":')) return false;
      try {
        this.lookUp(name, version);
        return false;
      } catch {
        return true;
      }
    });
  }

  /** For what is defined from now on. */
  limitDepth(maxDepth: number): void {
    this.#maxDepth = maxDepth;
  }

  resize(maxCacheEntries: number): void {
    this.#cache.resize(maxCacheEntries);
  }

  get stats(): CacheStats {
    return this.#cache.stats();
  }

  #latest(name: string): Pipeline | undefined {
    const newest = this.#options.store.definition(name);
    if (newest === null) return undefined;
    const pipeline = this.#restored(newest);
    if (pipeline !== undefined) return pipeline;
    for (const { version } of this.#versionsOf(name)) {
      const older = this.#restored(this.#options.store.definition(name, version));
      if (older !== undefined) return older;
    }
    return undefined;
  }

  /** Highest first. */
  #versionsOf(name: string): StoredDefinition[] {
    const found = this.#options.store.definitions().filter((stored) => stored.name === name);
    return found.sort((a, b) => b.version - a.version);
  }

  #restored(stored: StoredDefinition | null): Pipeline | undefined {
    if (stored === null) return undefined;
    const fromFile = this.#fromFiles.get(keyOf(stored.name, stored.version));
    if (fromFile !== undefined || stored.json === null) return fromFile;
    const unlimited = { maxDepth: Number.MAX_SAFE_INTEGER, maxStages: Number.MAX_SAFE_INTEGER };
    return compilePipeline(JSON.parse(stored.json), { ...unlimited, functions: this.#functions });
  }

  #kept(key: string, pipeline: Pipeline): Pipeline {
    // without a store behind it the cache acts at once
    void this.#cache.set(key, pipeline);
    return pipeline;
  }

  #save({ name, version, hash, json, outline = null }: Pipeline): Promise<void> {
    return this.#options.store.saveDefinition({ name, version, hash, json, outline, createdAt: this.#options.clock.now() });
  }

  #changedMessage(stored: StoredDefinition, now: Pipeline): string {
    const changes = definitionChanges(stored, now);
    const next = (this.#versionsOf(now.name)[0]?.version ?? now.version) + 1;
    return (
      `"${now.name}" differs from the version ${now.version} that is kept${changes === '' ? '' : ` (${changes})`}. ` +
      `Runs finish on the version they began with: write version: ${next}`
    );
  }

  #unknown(name: string, version: number | null) {
    const versions = this.#versionsOf(name);
    if (versions.length > 0) {
      const stored = versions.find((one) => version === null || one.version === version);
      const gone = `was defined in a file that \`definitions\` does not name any more: bring the file back, runs that began with it need it`;
      const known = versions.slice(0, 10).map((one) => one.version);
      const which = version === null ? '' : ` version ${version}`;
      const why = stored === undefined ? `is not there, versions are ${known.join(', ')}` : gone;
      return workflowError('WORKFLOW_UNKNOWN', `The workflow "${shortened(name)}"${which} ${why}`);
    }
    const names = new Set(this.#options.store.definitions().map((stored) => stored.name));
    const nearest = new NearestName().find(name, names);
    const hint = nearest === undefined ? 'workflow.define adds one' : `did you mean "${nearest}"?`;
    const details = nearest === undefined ? {} : { details: [{ path: 'name', message: 'is not known', suggestion: nearest }] };
    return workflowError('WORKFLOW_UNKNOWN', `There is no workflow "${shortened(name)}": ${hint}`, details);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** `@` is in no name; null is the newest version. */
function keyOf(name: string, version: number | null): string {
  return `${name}@${version ?? 'newest'}`;
}

function sizeOf({ stages, json }: Pipeline): number {
  return stages.length * BYTES_PER_STAGE + (json?.length ?? 0) * 2;
}

function parsedYaml(yaml: string): unknown {
  const { value, faults } = parseText(yaml, 'yaml');
  if (faults.length === 0) return value;
  const details = faults.map(({ place, message }) => ({ path: place === null ? 'yaml' : `yaml:${place.line}:${place.column}`, message }));
  throw workflowError('DEFINITION_INVALID', `The YAML cannot be read: ${details[0]!.path}: ${details[0]!.message}`, {
    phase: 'validate',
    details,
  });
}
