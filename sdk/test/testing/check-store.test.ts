import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from '../../src/memory-store.js';
import { checkStore } from '../../src/testing/check-store.js';
import { promisesOf } from './promises-of.js';

const broken: Record<string, { readonly promise: string; make(): MemoryStore }> = {
  'gives undefined for what is not there': {
    promise: 'absence is null',
    make: () =>
      new (class extends MemoryStore {
        override async read(path: string, signal?: AbortSignal) {
          return (await super.read(path, signal)) ?? (undefined as never);
        }
      })(),
  },
  'forgets empty values': {
    promise: 'what was written is read back',
    make: () =>
      new (class extends MemoryStore {
        override async write(path: string, data: Uint8Array, signal?: AbortSignal) {
          if (data.length > 0) await super.write(path, data, signal);
        }
      })(),
  },
  'copies late': {
    promise: 'values are copied',
    make: () =>
      new (class extends MemoryStore {
        override async write(path: string, data: Uint8Array, signal?: AbortSignal) {
          signal?.throwIfAborted();
          await Promise.resolve();
          await super.write(path, data, signal);
        }
      })(),
  },
  'lists in no order': {
    promise: 'list gives',
    make: () =>
      new (class extends MemoryStore {
        override async list(prefix: string, signal?: AbortSignal) {
          return (await super.list(prefix, signal)).toReversed();
        }
      })(),
  },
  'takes any path': {
    promise: 'paths that are none',
    make: () =>
      new (class extends MemoryStore {
        override async exists(path: string, signal?: AbortSignal) {
          return path.includes('..') ? false : super.exists(path, signal);
        }
      })(),
  },
  'keeps a text as nothing': {
    promise: 'values that are no bytes',
    make: () =>
      new (class extends MemoryStore {
        override async write(path: string, data: Uint8Array, signal?: AbortSignal) {
          await super.write(path, new Uint8Array(data), signal);
        }
      })(),
  },
  'writes in any order': {
    promise: 'changes of one path',
    make: () =>
      new (class extends MemoryStore {
        override async write(path: string, data: Uint8Array, signal?: AbortSignal) {
          const copy = structuredClone(data);
          if (copy?.[0] === 3) for (let hop = 0; hop < 50; hop += 1) await Promise.resolve();
          await super.write(path, copy, signal);
        }
      })(),
  },
  'ignores signals': {
    promise: 'an aborted call',
    make: () =>
      new (class extends MemoryStore {
        override delete(path: string) {
          return super.delete(path);
        }
      })(),
  },
};

describe('checkStore', () => {
  it.each(Object.entries(broken))('finds a store that %s', async (_name, { make, promise }) => {
    await expect(checkStore(make)).rejects.toMatchObject({ code: 'CHECK_FAILED', message: expect.stringContaining(`"${promise}`) });
  });

  it('has a broken store for each of its promises', () => {
    const known = Object.values(broken).map(({ promise }) => promise);
    const promises = promisesOf('check-store');
    expect(promises.length).toBe(8);
    expect(promises.filter((promise) => !known.some((beginning) => promise.startsWith(beginning)))).toEqual([]);
  });

  it('finds a store that forgets when it is opened again', async () => {
    const checking = checkStore(() => new MemoryStore(), { reopen: () => new MemoryStore() });
    await expect(checking).rejects.toMatchObject({ code: 'CHECK_FAILED', message: expect.stringContaining('reopening') });
  });

  it('closes every store it was given, also after a failure', async () => {
    let [made, closed] = [0, 0];
    const make = () => {
      made += 1;
      return made === 3 ? (broken['copies late']?.make() ?? new MemoryStore()) : new MemoryStore();
    };
    await expect(checkStore(make, { close: () => void (closed += 1) })).rejects.toMatchObject({ code: 'CHECK_FAILED' });
    expect([made, closed]).toEqual([3, 3]);
  });
});
