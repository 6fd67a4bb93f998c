import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryStore } from '../src/memory-store.js';
import { scopedStore } from '../src/scoped-store.js';
import { checkStore } from '../src/testing/check-store.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('scopedStore', () => {
  it('is a store in itself, also inside another scope', async () => {
    await checkStore(() => scopedStore(new MemoryStore(), 'compute'));
    await checkStore(() => scopedStore(scopedStore(new MemoryStore(), 'outer'), 'inner'));
  });

  it('keeps two owners apart under the same path', async () => {
    const store = new MemoryStore();
    const [a, b] = [scopedStore(store, 'a'), scopedStore(store, 'b')];
    await a.write('dw://internal/x', bytes('of a'));
    expect(await b.read('dw://internal/x')).toBeNull();
    await b.delete('dw://internal/x');
    expect(await a.exists('dw://internal/x')).toBe(true);
    expect(await store.list('')).toEqual(['dw://internal/@a/x']);
    expect(await a.list('dw://int')).toEqual(['dw://internal/x']);
    expect(await b.list('')).toEqual([]);
  });

  it('gives no path that reaches another owner', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('@a', '@b', 'a', '..', '.', '', '%2e', 'x'), { maxLength: 5 }), async (segments) => {
        const store = new MemoryStore();
        await store.write('dw://internal/@b/x', bytes('of b'));
        const a = scopedStore(store, 'a');
        const path = `dw://internal/${segments.join('/')}`;
        await a.write(path, bytes('of a')).catch(() => undefined);
        await a.delete(path).catch(() => undefined);
        expect(await a.list(path)).toEqual([]);
        expect(await store.list('')).toEqual(['dw://internal/@b/x']);
      }),
    );
  });

  it('refuses a path that is too long in terms of the path the owner wrote', async () => {
    const path = `dw://internal/${'x'.repeat(1_005)}`;
    const writing = scopedStore(new MemoryStore(), 'compute').write(path, bytes('1'));
    await expect(writing).rejects.toMatchObject({ code: 'STORE_PATH_INVALID', message: expect.not.stringContaining('@compute') });
  });

  it.each(['', 'a/b', '../a', 'a\n'])('refuses the owner %j', (owner) => {
    expect(() => scopedStore(new MemoryStore(), owner)).toThrow(expect.objectContaining({ code: 'STORE_PATH_INVALID' }));
  });

  it('passes streams on where the store has them', async () => {
    const store = new MemoryStore();
    await scopedStore(store, 'a').writeStream?.('dw://internal/x', (async function* () {})());
    expect(await store.list('')).toEqual(['dw://internal/@a/x']);
    const without = scopedStore(Object.assign(new MemoryStore(), { writeStream: undefined, readStream: undefined }) as never, 'a');
    expect([without.writeStream, without.readStream]).toEqual([undefined, undefined]);
  });
});
