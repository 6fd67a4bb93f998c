import { MemoryStore } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CapturedStates } from '../../src/store/captured-states.js';

const KIB = 1_024;
const states = (maxStateBytesPerStage = 1_024 * KIB) => {
  const values = new MemoryStore();
  const backing = new MemoryStore();
  return { values, backing, captured: new CapturedStates({ values, backing, maxStateBytesPerStage }) };
};
const ofBytes = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));

describe('CapturedStates', () => {
  it('keeps a value by its size in UTF-8: beside the event, in the file of values, above the limit in the backing store', async () => {
    const { values, backing, captured } = states();
    const at = { runId: 'r', stage: 3 };
    expect(captured.keep(at, ofBytes(64 * KIB))).toBe(`{"value":${ofBytes(64 * KIB)}}`);
    expect(await values.list('')).toEqual([]);

    const kept = await captured.keep(at, ofBytes(64 * KIB + 1));
    expect(JSON.parse(kept)).toEqual({ spilled: { path: 'dw://internal/flow-values/r/3', bytes: 64 * KIB + 1 } });
    expect(captured.spilled).toEqual({ total: 0, bytesTotal: 0 });
    // 40,000 characters, 80,000 bytes
    const wide = JSON.stringify('é'.repeat(40_000));
    expect(await captured.load(await captured.keep({ ...at, stage: 4 }, wide))).toBe(wide);
    expect(await values.list('')).toEqual(['dw://internal/flow-values/r/3', 'dw://internal/flow-values/r/4']);

    const above = await captured.keep({ runId: 'r', stage: -1 }, ofBytes(1_024 * KIB + 1));
    expect(await backing.list('')).toEqual(['dw://internal/pipeline-state/r/-1']);
    expect(await captured.load(above)).toBe(ofBytes(1_024 * KIB + 1));
    expect(captured.spilled).toEqual({ total: 1, bytesTotal: 1_024 * KIB + 1 });
  });

  it('takes a new limit for what comes, at least 1 KiB, and still finds what is kept', async () => {
    const { backing, captured } = states();
    const before = await captured.keep({ runId: 'r', stage: 0 }, ofBytes(100 * KIB));
    captured.maxStateBytesPerStage = 1;
    expect(captured.maxStateBytesPerStage).toBe(KIB);
    expect(captured.keep({ runId: 'r', stage: 1 }, ofBytes(KIB))).toContain('"value"');
    await captured.keep({ runId: 'r', stage: 2 }, ofBytes(KIB + 1));
    expect(await backing.list('')).toEqual(['dw://internal/pipeline-state/r/2']);
    expect(await captured.load(before)).toBe(ofBytes(100 * KIB));
  });

  it('says STATE_MISSING for a value that is gone, cut short or was never kept', async () => {
    const { values, captured } = states();
    const kept = await captured.keep({ runId: 'r', stage: 0 }, ofBytes(100 * KIB));
    await values.write('dw://internal/flow-values/r/0', new Uint8Array(5));
    await expect(captured.load(kept)).rejects.toMatchObject({ code: 'STATE_MISSING', message: expect.stringContaining('5 bytes') });
    await captured.forget('r');
    await expect(captured.load(kept)).rejects.toMatchObject({ code: 'STATE_MISSING' });
    for (const wrong of ['', 'null', '{}', '{"spilled":{}}'])
      await expect(captured.load(wrong)).rejects.toMatchObject({ code: 'STATE_MISSING' });
  });

  it('keeps the values of any two runs apart, whatever their ids are', async () => {
    const id = fc.oneof(
      fc.constantFrom('', '.', '..', 'a/b', 'a', 'a/', '~', '%2E', '\ud800', '\ufffd', '~'.repeat(600), 'x'.repeat(5_000)),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(id, { minLength: 2, maxLength: 6 }), fc.json(), async (ids, json) => {
        const { values, backing, captured } = states();
        captured.maxStateBytesPerStage = 80 * KIB;
        const large = (runId: string, bytes: number) => JSON.stringify([runId, JSON.parse(json), 'x'.repeat(bytes)]);
        const kept = new Map<string, readonly string[]>();
        for (const runId of ids) {
          kept.set(
            runId,
            await Promise.all([1, 66 * KIB, 90 * KIB].map(async (bytes, stage) => captured.keep({ runId, stage }, large(runId, bytes)))),
          );
        }
        const [first = '', ...others] = ids;
        await captured.forget(first);
        for (const runId of others) {
          const loaded = await Promise.all((kept.get(runId) ?? []).map(async (each) => captured.load(each)));
          expect(loaded).toEqual([1, 66 * KIB, 90 * KIB].map((bytes) => large(runId, bytes)));
          await captured.forget(runId);
        }
        expect([...(await values.list('')), ...(await backing.list(''))]).toEqual([]);
      }),
      { numRuns: 10 },
    );
  });
});
