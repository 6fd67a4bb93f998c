import { BoundedCache, type CacheStats, type IPersistentBackingStore } from '@bellows/sdk';
import { computeError } from '../errors.js';
import type { ModuleFiles, StagedModule } from './module-files.js';
import { decodeRecord, encodeRecord, type ModuleRecord } from './module-record.js';

const PREFIX = 'dw://internal/wasm-config/';
/** A record is a few hundred bytes; one with ten thousand exports some MB. Entries alone would not bound the memory. */
const MAX_CACHE_BYTES = 64 * 1024 * 1024;

export interface ModuleCatalogueOptions {
  readonly store: IPersistentBackingStore;
  readonly files: ModuleFiles;
  readonly maxEntries: number;
}

/**
 * Which modules there are. Durable: what a change resolved with is there after a crash. Records live in a write-through
 * cache, so one that was pushed out is loaded back with its settings. Changes happen one after the other, in the order
 * of the calls, so of two puts of one name the later wins as a whole.
 */
export class ModuleCatalogue {
  readonly #store: IPersistentBackingStore;
  readonly #files: ModuleFiles;
  readonly #cache: BoundedCache<ModuleRecord>;
  #last: Promise<unknown> = Promise.resolve();
  #swept = false;

  constructor({ store, files, maxEntries }: ModuleCatalogueOptions) {
    this.#store = store;
    this.#files = files;
    this.#cache = new BoundedCache<ModuleRecord>({
      maxEntries,
      maxBytes: MAX_CACHE_BYTES,
      sizeOf: (record) => encodeRecord(record).length,
      backing: { store, pathFor: (name) => `${PREFIX}${name}`, encode: encodeRecord, decode: decodeRecord },
    });
  }

  /** `MODULE_UNKNOWN` when there is none. */
  async get(name: string, signal?: AbortSignal): Promise<ModuleRecord> {
    const record = await this.#cache.load(name, signal);
    if (record === undefined) throw unknown(name);
    return record;
  }

  /** All of them, by name. Not through the cache: a listing must not push out what is in use. */
  async list(): Promise<readonly ModuleRecord[]> {
    const paths = await this.#store.list(PREFIX);
    const values = await Promise.all(paths.map((path) => this.#store.read(path)));
    // one that was removed meanwhile has no value
    return values.flatMap((bytes) => (bytes === null ? [] : [decodeRecord(bytes)]));
  }

  /**
   * Takes the file over and makes the record visible. `recordOf` gets what the name stood for before.
   * What it throws rejects this call, and nothing has changed.
   */
  put(name: string, staged: StagedModule, recordOf: (before: ModuleRecord | undefined) => ModuleRecord): Promise<ModuleRecord> {
    return this.#inTurn(async () => {
      const before = await this.#cache.load(name);
      const record = recordOf(before);
      await this.#files.keep(staged);
      await this.#cache.set(name, record);
      if (before !== undefined && before.hash !== record.hash) await this.#removeUnused(before.hash);
      return record;
    });
  }

  /** `MODULE_UNKNOWN` when there is none; what `change` throws rejects this call, and nothing has changed. */
  update(name: string, change: (record: ModuleRecord) => ModuleRecord): Promise<ModuleRecord> {
    return this.#inTurn(async () => {
      const record = change(await this.get(name));
      await this.#cache.set(name, record);
      return record;
    });
  }

  /** `MODULE_UNKNOWN` when there is none. Calls that hold the record already may still fail for want of the file. */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const { hash } = await this.get(name);
      await this.#cache.delete(name);
      await this.#removeUnused(hash);
    });
  }

  resize(maxEntries: number): void {
    this.#cache.resize(maxEntries);
  }

  get stats(): CacheStats {
    return this.#cache.stats();
  }

  async #removeUnused(hash: string): Promise<void> {
    await this.#tidy(async (used) => {
      if (!used.has(hash)) await this.#files.remove(hash);
    });
  }

  /**
   * A process that was killed between the file and the record, or between the record and the file, left a file that
   * no name leads to. Looked for before the first change, because a start should not read all records.
   */
  async #sweep(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    await this.#tidy(async (used) => {
      for (const hash of await this.#files.hashes()) if (!used.has(hash)) await this.#files.remove(hash);
    });
  }

  /** Never rejects: the change that it belongs to has happened, and what is left over the next start finds. */
  async #tidy(work: (used: ReadonlySet<string>) => Promise<void>): Promise<void> {
    try {
      await work(new Set((await this.list()).map(({ hash }) => hash)));
    } catch {
      // a file too many costs only its place
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => this.#sweep()).then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

function unknown(name: string) {
  return computeError(
    'MODULE_UNKNOWN',
    `There is no module "${name}": put it first (compute.put), or see compute.list for those there are`,
    {
      phase: 'call',
    },
  );
}
