import { describe, expect, it } from '@jest/globals';
import { BoundedCache, type BoundedCacheOptions } from '../src/bounded-cache.js';
import type { IMachine } from '../src/machine.js';
import { MemoryStore } from '../src/memory-store.js';
import { FakeClock } from '../src/testing/fake-clock.js';
import { GatedStore } from './gated-store.js';

const backed = (store: MemoryStore, more: Partial<BoundedCacheOptions<string>> = {}) =>
  new BoundedCache<string>({
    maxEntries: 2,
    backing: {
      store,
      pathFor: (key) => `dw://internal/cache/${key}`,
      encode: (value) => new TextEncoder().encode(value),
      decode: (bytes) => new TextDecoder().decode(bytes),
    },
    ...more,
  });

describe('BoundedCache over a store', () => {
  it('loads an evicted value back, so that nothing is lost', async () => {
    const cache = backed(new MemoryStore());
    for (const key of ['a', 'b', 'c']) await cache.set(key, `value ${key}`);
    expect([cache.has('a'), cache.get('a')]).toEqual([false, undefined]);
    expect(await cache.load('a')).toBe('value a');
    expect(cache.keys()).toEqual(['a', 'c']);
    expect(await cache.load('never')).toBeUndefined();
  });

  it('has the value in the store before set resolves, and shows the old one until then', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    await cache.set('a', 'old');
    store.hold();
    const setting = cache.set('a', 'new');
    expect(cache.get('a')).toBe('old');
    store.letGo();
    await setting;
    expect(cache.get('a')).toBe('new');
    expect(new TextDecoder().decode((await store.read('dw://internal/cache/a')) ?? undefined)).toBe('new');
  });

  it('keeps the old value in cache and store when a write fails', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    await cache.set('a', 'old');
    store.failNext(new Error('disk'));
    await expect(cache.set('a', 'new')).rejects.toThrow('disk');
    expect(cache.get('a')).toBe('old');
    cache.clear();
    expect(await cache.load('a')).toBe('old');
    store.failNext(new Error('disk'));
    await expect(cache.delete('a')).rejects.toThrow('disk');
    expect(cache.get('a')).toBe('old');
  });

  it('asks the store once for all who load meanwhile, and again after a failure', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    await cache.set('a', 'value');
    cache.clear();
    store.failNext(new Error('disk'));
    const failing = [cache.load('a'), cache.load('a')];
    for (const load of failing) await expect(load).rejects.toThrow('disk');
    store.reads = 0;
    expect(await Promise.all([cache.load('a'), cache.load('a'), cache.load('a')])).toEqual(['value', 'value', 'value']);
    expect(store.reads).toBe(1);
  });

  it('never lets a load under way bring back an older value after a set or delete', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    await cache.set('a', 'old');
    cache.clear();
    store.hold();
    const before = cache.load('a');
    const setting = cache.set('a', 'new');
    const after = cache.load('a');
    store.letGo();
    expect(await before).toBe('old');
    await setting;
    expect(await after).toBe('new');
    expect(cache.get('a')).toBe('new');

    cache.clear();
    store.hold();
    const loading = cache.load('a');
    const deleting = cache.delete('a');
    store.letGo();
    expect(await loading).toBe('new');
    await deleting;
    expect(cache.get('a')).toBeUndefined();
    expect(await cache.load('a')).toBeUndefined();
  });

  it('answers a load that follows a set with the new value although memory still has the old one', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    await cache.set('a', 'old');
    store.hold();
    const setting = cache.set('a', 'new');
    const loads = [cache.load('a'), cache.load('a')];
    store.letGo();
    await setting;
    expect(await Promise.all(loads)).toEqual(['new', 'new']);
  });

  it('does not make one key wait for another', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    store.hold('dw://internal/cache/slow');
    const slow = cache.set('slow', '1');
    await cache.set('quick', '2');
    expect(cache.get('quick')).toBe('2');
    store.letGo();
    await slow;
  });

  it('rejects only the load whose signal aborts', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    await cache.set('a', 'value');
    cache.clear();
    store.hold();
    const controller = new AbortController();
    const impatient = cache.load('a', controller.signal);
    const patient = cache.load('a');
    controller.abort(new Error('gone'));
    await expect(impatient).rejects.toThrow('gone');
    store.letGo();
    expect(await patient).toBe('value');
    await expect(cache.load('a', AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });

  it('frees a key whose read never ends when nobody waits for it any more', async () => {
    let signalOfRead: AbortSignal | undefined;
    const hanging = new MemoryStore();
    hanging.read = (_path, signal) => {
      signalOfRead = signal;
      return new Promise(() => {});
    };
    const cache = backed(hanging);
    const aborts = [new AbortController(), new AbortController()];
    const loads = aborts.map((abort) => cache.load('a', abort.signal));
    aborts[0]?.abort(new Error('first'));
    await expect(loads[0]).rejects.toThrow('first');
    expect(signalOfRead?.aborted).toBe(false);
    aborts[1]?.abort(new Error('second'));
    await expect(loads[1]).rejects.toThrow('second');
    expect(signalOfRead?.aborted).toBe(true);
    await cache.set('a', 'value');
    expect(await cache.load('a')).toBe('value');
    expect(cache.stats().loads).toBe(1);
  });

  it('drops the late answer of a read that nobody waited for', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    await cache.set('a', 'old');
    cache.clear();
    store.hold();
    const abort = new AbortController();
    const load = cache.load('a', abort.signal);
    abort.abort(new Error('gone'));
    await expect(load).rejects.toThrow('gone');
    store.letGo();
    await cache.set('a', 'new');
    await new Promise((resolve) => setImmediate(resolve));
    expect(cache.get('a')).toBe('new');
  });

  it('asks again for what was not there, and once for all who ask meanwhile', async () => {
    const store = new GatedStore();
    const cache = backed(store);
    expect(await Promise.all([cache.load('a'), cache.load('a')])).toEqual([undefined, undefined]);
    expect(store.reads).toBe(1);
    await store.write('dw://internal/cache/a', new TextEncoder().encode('later'));
    expect(await cache.load('a')).toBe('later');
    expect(cache.stats()).toMatchObject({ loads: 2, size: 1 });
  });

  it.each([
    () => Number.NaN,
    () => -1,
    () => {
      throw new Error('no size');
    },
  ])('refuses a value that has no size before it is written', async (sizeOf) => {
    const store = new MemoryStore();
    const cache = backed(store, { sizeOf });
    await expect(cache.set('a', 'value')).rejects.toThrow();
    expect(await store.list('')).toEqual([]);
    expect(cache.stats()).toMatchObject({ size: 0, memoryBytes: 0 });
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['5', 'a string'],
    [Promise.resolve(5), 'an object of type Promise'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('tells whoever sets or loads that sizeOf gave %p', async (size, shown) => {
    const store = new MemoryStore();
    const refused = { kind: 'input', code: 'CACHE_OPTIONS_INVALID', message: expect.stringContaining(`sizeOf gave ${shown}: `) };
    const cache = backed(store, { sizeOf: () => size as number });
    await expect(cache.set('a', 'value')).rejects.toMatchObject(refused);
    expect(await store.list('')).toEqual([]);
    await backed(store).set('a', 'value');
    await expect(cache.load('a')).rejects.toMatchObject(refused);
    expect(cache.stats()).toMatchObject({ size: 0, memoryBytes: 0 });
  });

  it('takes a sizeOf that is undefined as none', async () => {
    const cache = backed(new MemoryStore(), { sizeOf: undefined as never });
    await cache.set('a', 'value');
    expect(cache.stats()).toMatchObject({ size: 1, memoryBytes: 0 });
  });

  it.each([
    [{ pathFr: () => 'dw://internal/a' }, /options\.backing\.pathFr is unknown: did you mean pathFor\?/],
    ['text', /options\.backing must be an object with store, pathFor, encode, decode, and is a string/],
    [null, /options\.backing must be an object .* and is null/],
  ])('refuses the backing %j', (backing, message) => {
    expect(() => new BoundedCache({ maxEntries: 1, backing: backing as never })).toThrow(
      expect.objectContaining({ code: 'CACHE_OPTIONS_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('may be used by its own listener, decoder and sizes', async () => {
    const store = new MemoryStore();
    const other: Promise<unknown>[] = [];
    const cache: BoundedCache<string> = backed(store, {
      maxEntries: 1,
      sizeOf: (value) => (cache.has('a') ? value.length : 1),
      onEvict: (key) => {
        if (key === 'a') other.push(cache.set('evicted', key), cache.delete('b'));
      },
    });
    await cache.set('a', '1');
    await cache.set('b', '2');
    await Promise.all(other);
    expect([await cache.load('evicted'), await cache.load('b'), await cache.load('a')]).toEqual(['a', undefined, '1']);
    expect(cache.stats().size).toBe(1);
  });

  it('keeps any keys apart', async () => {
    const cache = new BoundedCache<number>({ maxEntries: 10 });
    const keys = ['__proto__', 'constructor', '', '\0', 'toString', 'é', 'e\u0301'];
    for (const [index, key] of keys.entries()) await cache.set(key, index + 1);
    expect(keys.map((key) => cache.get(key))).toEqual(keys.map((_, index) => index + 1));
    expect(cache.get('hasOwnProperty')).toBeUndefined();
  });

  it('rejects a load that cannot be decoded and changes nothing', async () => {
    const store = new MemoryStore();
    await store.write('dw://internal/cache/a', new Uint8Array([1]));
    const decode = () => {
      throw new Error('not mine');
    };
    const cache = new BoundedCache<string>({
      maxEntries: 1,
      backing: { store, pathFor: (key) => `dw://internal/cache/${key}`, encode: () => new Uint8Array(), decode },
    });
    await expect(cache.load('a')).rejects.toThrow('not mine');
    expect(await store.exists('dw://internal/cache/a')).toBe(true);
  });
});

describe('BoundedCache in memory', () => {
  it('drops the least recently used first and tells the listener, whatever that throws', async () => {
    const evicted: string[] = [];
    const onEvict = (key: string, value: string) => {
      evicted.push(`${key}=${value}`);
      throw new Error('listener');
    };
    const cache = new BoundedCache<string>({ maxEntries: 2, onEvict });
    await cache.set('a', '1');
    await cache.set('b', '2');
    cache.get('a');
    await cache.set('a', '3');
    await cache.set('c', '4');
    await cache.delete('a');
    expect(evicted).toEqual(['b=2']);
    cache.clear();
    expect(evicted).toEqual(['b=2', 'c=4']);
    expect(cache.stats()).toMatchObject({ size: 0, evictions: 1 });
  });

  it('counts bytes where they can be measured, and does not keep what is larger than the whole', async () => {
    const evicted: string[] = [];
    const cache = new BoundedCache<string>({
      maxEntries: 100,
      maxBytes: 10,
      sizeOf: (value) => value.length,
      onEvict: (key) => void evicted.push(key),
    });
    await cache.set('a', '1234');
    await cache.set('b', '1234');
    expect(cache.stats().memoryBytes).toBe(8);
    await cache.set('c', '1234');
    expect(cache.keys()).toEqual(['c', 'b']);
    await cache.set('huge', 'x'.repeat(11));
    expect([cache.has('huge'), evicted]).toEqual([false, ['a', 'huge']]);
  });

  it('takes another bound of bytes while it runs, and refuses one that nothing could be measured by', async () => {
    const cache = new BoundedCache<string>({ maxEntries: 100, maxBytes: 100, sizeOf: (value) => value.length });
    for (const key of ['a', 'b', 'c']) await cache.set(key, '12345');
    cache.resize(100, 10);
    expect([cache.keys(), cache.stats().memoryBytes]).toEqual([['c', 'b'], 10]);
    cache.resize(1);
    expect(cache.keys()).toEqual(['c']);
    await cache.set('c', 'x'.repeat(11));
    expect([cache.has('c'), cache.stats().memoryBytes]).toEqual([false, 0]);
    expect(() => new BoundedCache<string>({ maxEntries: 1 }).resize(1, 10)).toThrow(
      expect.objectContaining({ code: 'CACHE_OPTIONS_INVALID' }),
    );
  });

  it('evicts at once when it shrinks and holds more when it grows', async () => {
    const cache = new BoundedCache<number>({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) await cache.set(key, 1);
    cache.resize(1);
    expect(cache.keys()).toEqual(['c']);
    cache.resize(2);
    await cache.set('d', 1);
    expect(cache.keys()).toEqual(['d', 'c']);
  });

  it('forgets after ttlMs in mode ttl, also at time 0 of the clock', async () => {
    const clock = new FakeClock();
    const evicted: string[] = [];
    const cache = new BoundedCache<number>({ maxEntries: 5, mode: 'ttl', ttlMs: 100, clock, onEvict: (key) => void evicted.push(key) });
    await cache.set('a', 1);
    await clock.advance(60);
    await cache.set('b', 2);
    expect(cache.get('a')).toBe(1);
    await clock.advance(41);
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 2]);
    await clock.advance(60);
    expect([cache.has('b'), cache.stats().size]).toEqual([false, 0]);
    expect(evicted).toEqual(['a', 'b']);
  });

  it('counts hits and misses of get and load, not of has', async () => {
    const cache = new BoundedCache<number>({ maxEntries: 5 });
    expect(cache.stats().hitRate).toBe(0);
    await cache.set('a', 1);
    cache.get('a');
    cache.has('a');
    await cache.load('a');
    cache.get('b');
    await cache.load('b');
    expect(cache.stats()).toEqual({ size: 1, hits: 2, misses: 2, loads: 0, evictions: 0, memoryBytes: 0, hitRate: 0.5 });
  });

  it('takes a bound far beyond what memory could hold without allocating for it', async () => {
    const cache = new BoundedCache<number>({ maxEntries: Number.MAX_SAFE_INTEGER });
    await cache.set('a', 1);
    expect(cache.get('a')).toBe(1);
  });

  it.each<Partial<BoundedCacheOptions<number>>>([
    { maxEntries: 0 },
    { maxEntries: 1.5 },
    { maxBytes: 10 },
    { maxBytes: 0, sizeOf: () => 1 },
    { mode: 'ttl' },
    { ttlMs: 5 },
    { mode: 'fifo' as 'lru' },
    { maxEntris: 5 } as object,
    { maxBytes: 10, sizeOf: null as never },
    { sizeOf: 5 as never },
  ])('refuses the options %j', (options) => {
    expect(() => new BoundedCache<number>({ maxEntries: 1, ...options })).toThrow(
      expect.objectContaining({ code: 'CACHE_OPTIONS_INVALID' }),
    );
  });

  it('sizes itself from the memory of the machine', () => {
    expect(BoundedCache.entriesForRam(1_000_000, 0.1, 2_000)).toBe(50);
    expect(BoundedCache.entriesForRam(10, 0.1, 2_000)).toBe(1);
    const machine = { latest: { memoryTotalBytes: 512 * 2 ** 20 } } as IMachine;
    expect(BoundedCache.boundsForRam(machine, 0.1, 1_024)).toEqual({ maxEntries: 52_428, maxBytes: 53_687_091 });
    expect(() => BoundedCache.entriesForRam(10, 10, 1)).toThrow(expect.objectContaining({ code: 'CACHE_OPTIONS_INVALID' }));
  });
});
