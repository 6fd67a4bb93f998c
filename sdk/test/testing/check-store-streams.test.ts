import { describe, expect, it } from '@jest/globals';
import { NotFoundError } from '../../src/errors.js';
import { MemoryStore } from '../../src/memory-store.js';
import type { IPersistentBackingStore } from '../../src/persistent-backing-store.js';
import { checkStore } from '../../src/testing/check-store.js';
import { STREAM_PROMISES } from '../../src/testing/check-store-streams.js';

type Chunks = AsyncIterable<Uint8Array>;

/** A store in memory of which some calls are done by others. */
function withCalls(calls: (store: MemoryStore) => Partial<IPersistentBackingStore>) {
  return () => {
    const store = new MemoryStore();
    return Object.assign(store, calls(store));
  };
}

const broken: Record<string, { readonly promise: string; make(): IPersistentBackingStore }> = {
  'can only write streams': {
    promise: 'a store has both',
    make: withCalls(() => ({ readStream: undefined as never })),
  },
  'shows half a stream': {
    promise: 'a stream is visible',
    make: withCalls((store) => ({
      async writeStream(path: string, chunks: Chunks) {
        for await (const chunk of chunks) await store.write(path, chunk);
      },
    })),
  },
  'keeps the arrays of the source': {
    promise: 'a stream is read back',
    make: withCalls((store) => ({
      async writeStream(path: string, chunks: Chunks, signal?: AbortSignal) {
        const kept: Uint8Array[] = [];
        for await (const chunk of chunks) kept.push(chunk);
        signal?.throwIfAborted();
        await store.write(path, Buffer.concat(kept));
      },
    })),
  },
  'stores what came before its source broke': {
    promise: 'a stream that ends early',
    make: withCalls((store) => {
      const real = store.writeStream.bind(store);
      const untilItBreaks = async function* (chunks: Chunks) {
        try {
          yield* chunks;
        } catch {}
      };
      return { writeStream: (path: string, chunks: Chunks, signal?: AbortSignal) => real(path, untilItBreaks(chunks), signal) };
    }),
  },
  'reads its source to the end whatever the signal says': {
    promise: 'a source is asked',
    make: withCalls((store) => {
      const real = store.writeStream.bind(store);
      return {
        async writeStream(path: string, chunks: Chunks, signal?: AbortSignal) {
          const source = chunks[Symbol.asyncIterator]();
          let isLong = false;
          const next = async () => {
            const result = await source.next();
            isLong ||= !result.done && result.value.length === 2 ** 18;
            return result;
          };
          const end = async () => {
            if (!isLong) await source.return?.();
            return { done: true as const, value: undefined };
          };
          try {
            await real(path, { [Symbol.asyncIterator]: () => ({ next, return: end }) }, signal);
          } finally {
            while (isLong && !(await source.next()).done);
          }
        },
      };
    }),
  },
  'streams the value of this moment': {
    promise: 'a stream being read',
    make: withCalls((store) => {
      const real = store.readStream.bind(store);
      return {
        async *readStream(path: string, signal?: AbortSignal) {
          let at = 0;
          for await (const chunk of real(path, signal)) {
            const now = await store.read(path);
            yield now?.slice(at, at + chunk.length) ?? new Uint8Array();
            at += chunk.length;
          }
        },
      };
    }),
  },
  'streams nothing of a path that is not there': {
    promise: 'streams refuse',
    make: withCalls((store) => {
      const real = store.readStream.bind(store);
      return {
        async *readStream(path: string, signal?: AbortSignal) {
          try {
            yield* real(path, signal);
          } catch (error) {
            if (!(error instanceof NotFoundError)) throw error;
          }
        },
      };
    }),
  },
};

describe('checkStore of a store with streams', () => {
  it.each(Object.entries(broken))('finds one that %s', async (_name, { make, promise }) => {
    await expect(checkStore(make)).rejects.toMatchObject({ code: 'CHECK_FAILED', message: expect.stringContaining(`"${promise}`) });
  });

  it('has a broken store for each of its promises', () => {
    const known = Object.values(broken).map(({ promise }) => promise);
    expect(Object.keys(STREAM_PROMISES).filter((promise) => !known.some((beginning) => promise.startsWith(beginning)))).toEqual([]);
  });

  it('lets a store without streams pass', async () => {
    await checkStore(withCalls(() => ({ writeStream: undefined as never, readStream: undefined as never })));
  });
});
