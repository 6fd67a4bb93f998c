import { LRUCache } from 'lru-cache';
import { type IClock, systemClock } from './clock.js';
import { demandOptionNames } from './demand-option-names.js';
import { InputError } from './errors.js';
import { kindOfValue } from './kind-of-value.js';
import { optionNames } from './known-options.js';
import type { IMachine } from './machine.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';

export interface CacheBacking<V extends {}> {
  readonly store: IPersistentBackingStore;
  /** Must give different paths for different keys. */
  pathFor(key: string): string;
  encode(value: V): Uint8Array;
  /** Throw when the bytes make no sense: `load` rejects with it. */
  decode(bytes: Uint8Array, key: string): V;
}

export interface BoundedCacheOptions<V extends {}> {
  readonly maxEntries: number;
  /** Needs `sizeOf`. A value larger than this alone is not kept in memory. */
  readonly maxBytes?: number;
  /** Memory of one value in bytes; asked when it is set, before it is written, and when it is loaded. Without it `memoryBytes` is 0. */
  sizeOf?(value: V, key: string): number;
  /** `lru` (default) bounds by use only; `ttl` also forgets `ttlMs` after the set or load. */
  readonly mode?: 'lru' | 'ttl';
  readonly ttlMs?: number;
  readonly clock?: Pick<IClock, 'monotonicMs'>;
  readonly backing?: CacheBacking<V>;
  /** A value left memory other than by `set` or `delete` of its key: bound, age, resize, clear. What it throws is ignored. */
  onEvict?(key: string, value: V): void;
}

export interface CacheStats {
  readonly size: number;
  /** `get` and `load` count, `has` does not. */
  readonly hits: number;
  readonly misses: number;
  /** Reads of the store that began; those who ask for the same key meanwhile share one. */
  readonly loads: number;
  /** Values that left by bound or age. */
  readonly evictions: number;
  readonly memoryBytes: number;
  /** 0 to 1; 0 before the first look-up. */
  readonly hitRate: number;
}

/**
 * A bounded map, least recently used out first, over a store that has everything: an evicted value is loaded back, never lost.
 * The operations `set`, `delete` and `load` of one key happen one after the other in the order of the calls; different keys
 * do not wait for each other. Without `backing` the bound loses values, and all three act at once.
 */
export class BoundedCache<V extends {}> {
  readonly #options: BoundedCacheOptions<V>;
  readonly #memory: LRUCache<string, V>;
  /** The last operation of each key that has any under way. */
  readonly #last = new Map<string, Operation<V>>();
  #evicted: [key: string, value: V][] = [];
  #maxEntries: number;
  #maxBytes: number;
  #loads = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #clearing = false;

  /** `InputError` (`CACHE_OPTIONS_INVALID`) for options that are unknown or contradict each other. */
  constructor(options: BoundedCacheOptions<V>) {
    checkOptions(options);
    const { maxBytes = Number.MAX_SAFE_INTEGER, clock = systemClock, mode, ttlMs } = options;
    this.#options = options;
    this.#maxEntries = options.maxEntries;
    this.#maxBytes = maxBytes;
    this.#memory = new LRUCache<string, V>({
      // Not `max`: it allocates for all entries up front. Neither can be changed; both bounds are kept in #evictSurplus.
      maxSize: Number.MAX_SAFE_INTEGER,
      ...(mode === 'ttl' && ttlMs !== undefined ? { ttl: ttlMs, ttlResolution: 0 } : {}),
      // One ms ahead: lru-cache takes the start 0 for "never expires".
      perf: { now: () => clock.monotonicMs() + 1 },
      disposeAfter: (value, key, reason) => this.#onGone(value, key, reason),
    });
  }

  /** `entriesForRam(totalmem(), 0.1, 2_048)`: how many entries of that size fill the share (0 to 1) of the memory; at least 1. */
  static entriesForRam(ramBytes: number, ramPercentage: number, bytesPerEntry: number): number {
    if (!(ramBytes >= 0 && ramPercentage >= 0 && ramPercentage <= 1 && bytesPerEntry > 0)) {
      const given = `ramBytes ${ramBytes}, ramPercentage ${ramPercentage}, bytesPerEntry ${bytesPerEntry}`;
      throw invalid(`a size cannot follow from ${given}: ramPercentage is 0 to 1, the others are positive`);
    }
    return Math.max(1, Math.min(Number.MAX_SAFE_INTEGER, Math.floor((ramBytes * ramPercentage) / bytesPerEntry)));
  }

  /**
   * What a share (0 to 1) of the memory this process may use holds, for `maxEntries` and `maxBytes` of a new cache or of `resize`: the machine
   * reads the limit of the cgroup where there is one.
   */
  static boundsForRam(machine: IMachine, ramPercentage: number, bytesPerEntry: number): { maxEntries: number; maxBytes: number } {
    const ramBytes = machine.latest.memoryTotalBytes;
    const maxEntries = BoundedCache.entriesForRam(ramBytes, ramPercentage, bytesPerEntry);
    return { maxEntries, maxBytes: Math.max(1, Math.floor(ramBytes * ramPercentage)) };
  }

  /** From memory only. While a `set` is under way, still the old value. */
  get(key: string): V | undefined {
    const value = this.#memory.get(key);
    if (value === undefined) this.#misses += 1;
    else this.#hits += 1;
    this.#tellEvicted();
    return value;
  }

  /**
   * From memory, else from the store; `undefined` when neither has it, which is not kept: the next call asks again. One read serves all who
   * ask meanwhile. An aborted `signal` rejects this call only. When nobody waits for a read any more, its own signal aborts; where the store
   * does not heed that, its late answer is dropped, and others need not wait for it. Rejects with what the store, `decode` or `sizeOf` threw, or
   * for what `sizeOf` answered, as `set` does; the next call tries again.
   */
  async load(key: string, signal?: AbortSignal): Promise<V | undefined> {
    signal?.throwIfAborted();
    const last = this.#last.get(key);
    if (last === undefined) {
      const value = this.get(key);
      if (value !== undefined || this.#options.backing === undefined) return value;
    } else {
      // what is under way was asked for earlier: its outcome is the answer, not what memory still holds
      this.#misses += 1;
    }
    const loading =
      last?.kind === 'load' && !last.abort.signal.aborted ? last : this.#enqueue(key, 'load', (abort) => this.#loadNow(key, abort));
    return this.#waitFor(loading, signal);
  }

  /**
   * Resolves when the value is durable and in memory. Rejects when the store, `encode` or `sizeOf` throws, and with `InputError`
   * (`CACHE_OPTIONS_INVALID`) when that answers no number of bytes; then the old value stays.
   * `encode` and `sizeOf` are called at once: what happens to the value afterwards does not reach the store.
   */
  async set(key: string, value: V): Promise<void> {
    const { backing } = this.#options;
    const size = this.#sizeOf(key, value);
    if (backing === undefined) return this.#keep(key, value, size);
    const bytes = backing.encode(value);
    const setting = this.#enqueue(key, 'set', async () => {
      await backing.store.write(backing.pathFor(key), bytes);
      this.#keep(key, value, size);
      return undefined;
    });
    await setting.done;
  }

  /** Out of the store and memory when it resolves; silent when there is nothing. When the store throws, the value stays. */
  async delete(key: string): Promise<void> {
    const { backing } = this.#options;
    if (backing === undefined) return void this.#memory.delete(key);
    const deleting = this.#enqueue(key, 'delete', async () => {
      await backing.store.delete(backing.pathFor(key));
      this.#memory.delete(key);
      return undefined;
    });
    await deleting.done;
  }

  /** Whether memory has it; counts as no use. */
  has(key: string): boolean {
    return this.#memory.has(key);
  }

  /** The keys in memory, the most recently used first. */
  keys(): string[] {
    return [...this.#memory.keys()];
  }

  /** Takes effect at once: shrinking evicts the least recently used. Without `maxBytes` that bound stays. `CACHE_OPTIONS_INVALID` changes nothing. */
  resize(maxEntries: number, maxBytes?: number): void {
    checkMaxEntries(maxEntries);
    checkMaxBytes(maxBytes, this.#options.sizeOf);
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes ?? this.#maxBytes;
    this.#evictSurplus();
  }

  /** Empties memory; the store keeps everything. Operations under way go on. */
  clear(): void {
    this.#clearing = true;
    this.#memory.clear();
    this.#clearing = false;
    this.#tellEvicted();
  }

  stats(): CacheStats {
    this.#memory.purgeStale();
    this.#tellEvicted();
    const lookUps = this.#hits + this.#misses;
    return {
      size: this.#memory.size,
      hits: this.#hits,
      misses: this.#misses,
      loads: this.#loads,
      evictions: this.#evictions,
      memoryBytes: this.#options.sizeOf === undefined ? 0 : this.#memory.calculatedSize,
      hitRate: lookUps === 0 ? 0 : this.#hits / lookUps,
    };
  }

  async #loadNow(key: string, { signal }: AbortController): Promise<V | undefined> {
    const present = this.#memory.get(key);
    const { backing } = this.#options;
    if (present !== undefined || backing === undefined) return present;
    // nobody waits for it any more; the ones before it took that long
    if (signal.aborted) return undefined;
    this.#loads += 1;
    const bytes = await abortable(backing.store.read(backing.pathFor(key), signal), signal);
    if (bytes === null) return undefined;
    const value = backing.decode(bytes, key);
    this.#keep(key, value, this.#sizeOf(key, value));
    return value;
  }

  async #waitFor(loading: Operation<V>, signal: AbortSignal | undefined): Promise<V | undefined> {
    loading.waiting += 1;
    try {
      return await abortable(loading.done, signal);
    } finally {
      loading.waiting -= 1;
      if (loading.waiting === 0) loading.abort.abort();
    }
  }

  #sizeOf(key: string, value: V): number {
    if (this.#options.sizeOf === undefined) return 1;
    const size: unknown = this.#options.sizeOf(value, key);
    if (typeof size === 'number' && size >= 0 && size <= Number.MAX_SAFE_INTEGER) return Math.max(1, Math.ceil(size));
    throw invalid(`sizeOf gave ${typeof size === 'number' ? size : kindOfValue(size)}: give a number of bytes`);
  }

  #keep(key: string, value: V, size: number): void {
    if (size > this.#maxBytes) {
      this.#memory.delete(key);
      this.#evicted.push([key, value]);
    } else this.#memory.set(key, value, { size });
    this.#evictSurplus();
  }

  #evictSurplus(): void {
    const isMeasured = this.#options.sizeOf !== undefined;
    while (this.#memory.size > this.#maxEntries || (isMeasured && this.#memory.calculatedSize > this.#maxBytes)) this.#memory.pop();
    this.#tellEvicted();
  }

  #onGone(value: V, key: string, reason: LRUCache.DisposeReason): void {
    if (reason === 'evict' || reason === 'expire') this.#evictions += 1;
    if (reason === 'evict' || reason === 'expire' || this.#clearing) this.#evicted.push([key, value]);
  }

  /** Only after the map is done: the listener may use this cache. */
  #tellEvicted(): void {
    if (this.#evicted.length === 0) return;
    const evicted = this.#evicted;
    this.#evicted = [];
    for (const [key, value] of evicted) {
      try {
        this.#options.onEvict?.(key, value);
      } catch {
        // promised: neither the cache nor the one who happened to cause the eviction suffers from a listener
      }
    }
  }

  /** Runs `work` when the operations of this key before it have ended, however they ended. */
  #enqueue(key: string, kind: Operation<V>['kind'], work: (abort: AbortController) => Promise<V | undefined>): Operation<V> {
    const before = this.#last.get(key);
    const abort = new AbortController();
    const begin = () => work(abort);
    const done = before === undefined ? begin() : before.done.then(begin, begin);
    const operation: Operation<V> = { kind, done, abort, waiting: 0 };
    this.#last.set(key, operation);
    const leave = () => {
      if (this.#last.get(key) === operation) this.#last.delete(key);
    };
    done.then(leave, leave);
    return operation;
  }
}

interface Operation<V> {
  readonly kind: 'load' | 'set' | 'delete';
  readonly done: Promise<V | undefined>;
  /** Aborts a load that nobody waits for. */
  readonly abort: AbortController;
  waiting: number;
}

const OPTIONS = optionNames<BoundedCacheOptions<object>>({
  maxEntries: true,
  maxBytes: true,
  sizeOf: true,
  mode: true,
  ttlMs: true,
  clock: true,
  backing: true,
  onEvict: true,
});

const BACKING = optionNames<CacheBacking<object>>({ store: true, pathFor: true, encode: true, decode: true });

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function checkOptions<V extends {}>(options: BoundedCacheOptions<V>): void {
  demandOptionNames(options, { known: OPTIONS, fault: invalid });
  const { maxEntries, maxBytes, sizeOf, mode, ttlMs, backing } = options;
  if (backing !== undefined) demandOptionNames(backing, { known: BACKING, path: 'options.backing', fault: invalid });
  if (sizeOf !== undefined && typeof sizeOf !== 'function')
    throw invalid(`sizeOf is ${kindOfValue(sizeOf)}: give a function, or leave it out`);
  if (mode !== undefined && mode !== 'lru' && mode !== 'ttl') throw invalid(`mode is ${String(mode)}: give lru or ttl`);
  checkMaxEntries(maxEntries);
  checkMaxBytes(maxBytes, sizeOf);
  if (mode === 'ttl' && !(ttlMs !== undefined && ttlMs > 0)) throw invalid(`mode is ttl and ttlMs is ${ttlMs}: give a time above 0`);
  if (mode !== 'ttl' && ttlMs !== undefined) throw invalid('ttlMs is given and mode is not ttl: it would never apply');
}

function checkMaxBytes(maxBytes: number | undefined, sizeOf: unknown): void {
  if (maxBytes === undefined) return;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) throw invalid(`maxBytes is ${maxBytes}: give a whole number of at least 1`);
  if (sizeOf === undefined) throw invalid('maxBytes is given without sizeOf: nothing could be measured');
}

function checkMaxEntries(maxEntries: number): void {
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) throw invalid(`maxEntries is ${maxEntries}: give a whole number of at least 1`);
}

function invalid(problem: string): InputError {
  return new InputError('CACHE_OPTIONS_INVALID', `A BoundedCache cannot work: ${problem}`);
}
