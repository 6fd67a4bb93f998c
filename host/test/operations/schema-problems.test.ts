import { z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nearestName } from '../../src/operations/nearest-name.js';
import { schemaProblems } from '../../src/operations/schema-problems.js';

const schema = z.strictObject({
  module: z.string(),
  mode: z.enum(['warm', 'cold']).optional(),
  calls: z.array(z.strictObject({ args: z.array(z.union([z.number(), z.string()])) })).default([]),
  target: z.union([z.strictObject({ folder: z.string() }), z.number()]).optional(),
  limits: z.record(z.string(), z.strictObject({ weight: z.number() })).optional(),
});

function problemsOf(input: unknown) {
  const result = schema.safeParse(input);
  return result.success ? [] : schemaProblems(result.error, schema, { input });
}

describe('schemaProblems', () => {
  it('reports every fault at once, each with its path', () => {
    expect(problemsOf({ mode: 'hot', calls: [{ args: [1] }, { args: [true] }] }).map(({ path }) => path)).toEqual([
      'module',
      'mode',
      'calls[1].args[0]',
    ]);
  });

  it('names the nearest known key for an unknown one, through arrays, records and unions', () => {
    const problems = problemsOf({
      module: 'm',
      mod: 1,
      calls: [{ args: [], arg: 1 }],
      target: { foldr: 'x' },
      limits: { a: { wieght: 1, weight: 2 } },
    });
    const suggested = Object.fromEntries(problems.map(({ path, suggestion }) => [path, suggestion]));
    expect(suggested).toMatchObject({ 'calls[0].arg': 'args', 'target.foldr': 'folder', 'limits.a.wieght': 'weight' });
  });

  it('lists the first fifty and counts the others', () => {
    const keys = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`key${index}`, 1]));
    const problems = problemsOf({ ...keys, calls: Array.from({ length: 80 }, () => 1) });
    expect(problems).toHaveLength(51);
    // The missing module, 80 calls that are none, 120 keys.
    expect(problems.at(-1)).toEqual({ path: '', message: 'and 151 more problems' });
  });

  it('names the nearest allowed value', () => {
    expect(problemsOf({ module: 'm', mode: 'wram' })).toMatchObject([{ path: 'mode', suggestion: 'warm' }]);
  });

  it('says what is missing as missing', () => {
    expect(problemsOf({})).toEqual([{ path: 'module', message: 'is missing: expected string' }]);
  });

  it('answers a hostile input with an answer of bounded size', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`key-${index}-${'x'.repeat(1_000)}`, 1]));
    expect(JSON.stringify(problemsOf({ module: 'm', ...many })).length).toBeLessThan(30_000);
  });

  it('explains any JSON without throwing, with a message for each problem', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        for (const { message } of problemsOf(input)) expect(message).not.toBe('');
      }),
    );
  });
});

describe('nearestName', () => {
  it('finds a slip and leaves alone what is like nothing', () => {
    expect(nearestName('compute.invok', ['compute.invoke', 'compute.list'])).toBe('compute.invoke');
    expect(nearestName('zebra', ['compute.invoke', 'compute.list'])).toBeUndefined();
    expect(nearestName('x'.repeat(1_000_000), ['x'])).toBeUndefined();
  });
});
