import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BoundedCache } from '../src/bounded-cache.js';
import { MemoryStore } from '../src/memory-store.js';

/** Answers after as many microtasks as the test says. */
class SlowStore extends MemoryStore {
  readonly #delays: readonly number[];
  #call = 0;

  constructor(delays: readonly number[]) {
    super();
    this.#delays = delays;
  }

  async #wait(): Promise<void> {
    const hops = this.#delays[(this.#call += 1) % this.#delays.length] ?? 0;
    for (let hop = 0; hop < hops; hop += 1) await Promise.resolve();
  }

  override async write(path: string, data: Uint8Array): Promise<void> {
    await this.#wait();
    await super.write(path, data);
    await this.#wait();
  }

  override async read(path: string): Promise<Uint8Array | null> {
    const value = await super.read(path);
    await this.#wait();
    return value;
  }

  override async delete(path: string): Promise<void> {
    await this.#wait();
    await super.delete(path);
    await this.#wait();
  }
}

it('answers every load with the outcome of the last set or delete before it, however slow the store and small the memory', async () => {
  const step = fc.record({
    do: fc.constantFrom('set', 'load', 'delete', 'clear', 'resize'),
    key: fc.constantFrom('a', 'b', 'c'),
    number: fc.integer({ min: 1, max: 3 }),
    pause: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.array(fc.nat(6), { minLength: 1 }), async (steps, delays) => {
      const store = new SlowStore(delays);
      const cache = new BoundedCache<{ readonly id: number }>({
        maxEntries: 2,
        backing: {
          store,
          pathFor: (key) => `dw://internal/${key}`,
          encode: ({ id }) => Uint8Array.of(id),
          decode: ([id = -1]) => ({ id }),
        },
      });
      const expected = new Map<string, number>();
      const done: Promise<unknown>[] = [];
      for (const [id, each] of steps.entries()) {
        if (each.do === 'set') {
          expected.set(each.key, id);
          done.push(cache.set(each.key, { id }));
        } else if (each.do === 'delete') {
          expected.delete(each.key);
          done.push(cache.delete(each.key));
        } else if (each.do === 'load') {
          const wanted = expected.get(each.key);
          done.push(cache.load(each.key).then((value) => expect([id, value?.id]).toEqual([id, wanted])));
        } else if (each.do === 'clear') cache.clear();
        else cache.resize(each.number);
        if (each.pause) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(done);
      for (const key of ['a', 'b', 'c']) {
        const inMemory = cache.get(key);
        if (inMemory !== undefined) expect(inMemory.id).toBe(expected.get(key));
        expect((await cache.load(key))?.id).toBe(expected.get(key));
      }
      expect(cache.keys().length).toBeLessThanOrEqual(3);
    }),
    { numRuns: 200 },
  );
});

it('holds what a plain list of uses says, within both bounds, whatever is set, used, resized and aged', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key, size: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ do: fc.constant('get' as const), key, size: fc.constant(0) }),
    fc.record({ do: fc.constant('delete' as const), key, size: fc.constant(0) }),
    fc.record({ do: fc.constant('resize' as const), key, size: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('age' as const), key, size: fc.integer({ min: 1, max: 40 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let nowMs = 0;
      let bounds = { entries: 3, bytes: 10 };
      const cache = new BoundedCache<{ readonly size: number }>({
        maxEntries: bounds.entries,
        maxBytes: bounds.bytes,
        sizeOf: ({ size }) => size,
        mode: 'ttl',
        ttlMs: 50,
        clock: { monotonicMs: () => nowMs },
      });
      /** The least recently used first. */
      let model: { readonly key: string; readonly size: number; readonly since: number }[] = [];
      const bound = () => {
        while (model.length > bounds.entries || model.reduce((sum, { size }) => sum + size, 0) > bounds.bytes) model.shift();
      };
      for (const each of steps) {
        if (each.do === 'age') nowMs += each.size;
        model = model.filter(({ since }) => nowMs - since <= 50);
        // what is too old counts for the bounds until somebody looks
        cache.stats();
        const found = model.find((entry) => entry.key === each.key);
        const others = model.filter((entry) => entry !== found);
        if (each.do === 'set') {
          void cache.set(each.key, { size: each.size });
          model = each.size > bounds.bytes ? others : [...others, { key: each.key, size: each.size, since: nowMs }];
          bound();
        } else if (each.do === 'get') {
          expect(cache.get(each.key)?.size).toBe(found?.size);
          if (found !== undefined) model = [...others, found];
        } else if (each.do === 'delete') {
          void cache.delete(each.key);
          model = others;
        } else if (each.do === 'resize') {
          bounds = { entries: each.size, bytes: each.size * 3 };
          cache.resize(bounds.entries, bounds.bytes);
          bound();
        }
        expect(cache.keys().toReversed()).toEqual(model.map((entry) => entry.key));
        expect(cache.stats().memoryBytes).toBe(model.reduce((sum, { size }) => sum + size, 0));
      }
    }),
    { numRuns: 300 },
  );
});
