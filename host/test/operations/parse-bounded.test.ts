import { z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { isLarge, parseBounded } from '../../src/operations/parse-bounded.js';
import { schemaProblems } from '../../src/operations/schema-problems.js';

const schema = z.strictObject({ names: z.array(z.string()) });
const numbers = (count: number) => ({ names: Array.from({ length: count }, (_, index): string | number => index) });

describe('parseBounded', () => {
  it('looks for one fault in what is large, and says that there may be more', () => {
    const input = numbers(250_000);
    const { error } = parseBounded(schema, input);
    expect(error?.issues).toHaveLength(1);
    expect(schemaProblems(error!, schema, { input, prefix: 'top' })).toEqual([
      { path: 'top.names[0]', message: expect.stringMatching(/string/) },
      { path: 'top', message: 'there may be more problems: of what is as large as this not all are looked for' },
    ]);
  });

  it('finds the fault of a large value wherever it stands, and takes one that has none', () => {
    const names: unknown[] = Array.from({ length: 50_000 }, () => 'x');
    expect(parseBounded(schema, { names }).data).toEqual({ names });
    names.push(1);
    expect(parseBounded(schema, { names }).error?.issues[0]?.path).toEqual(['names', 50_000]);
  });

  it('goes on behind a part that is only out of bounds, and says that there may be more behind one of another type', () => {
    const bounded = z.array(z.string().min(2));
    const input = ['', '', 7, ...Array.from({ length: 20_000 }, () => '')];
    const { error } = parseBounded(bounded, input);
    expect(error?.issues.map(({ path }) => path)).toEqual([[0], [1], [2]]);
    expect(schemaProblems(error!, bounded, { input }).at(-1)).toEqual({ path: '', message: expect.stringMatching(/^there may be more/) });
  });

  it('finds every fault of what is not', () => {
    const input = numbers(200);
    const { error } = parseBounded(schema, input);
    expect(error?.issues).toHaveLength(200);
    expect(schemaProblems(error!, schema, { input }).at(-1)?.message).toBe('and 150 more problems');
  });
});

describe('isLarge', () => {
  it('counts the parts on all levels, and ends with what holds itself', () => {
    expect(isLarge(numbers(9_999))).toBe(false);
    expect(isLarge(numbers(10_000))).toBe(true);
    expect(isLarge(Array.from({ length: 200 }, () => numbers(50)))).toBe(true);
    expect(isLarge([undefined, null, 'x'.repeat(100_000), new Uint8Array(100_000)])).toBe(false);
    const ring: unknown[] = [];
    ring.push(ring);
    expect(isLarge(ring)).toBe(true);
    let deep: unknown = [];
    for (let level = 0; level < 9_000; level += 1) deep = [deep];
    expect(isLarge(deep)).toBe(false);
  });
});
