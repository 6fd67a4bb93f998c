import { nearestName, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nearestOperation } from '../../src/operations/nearest-operation.js';
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

  it('names no key that is there to be refused, neither as known nor as near', () => {
    const form = z.strictObject({ pages: z.number().optional(), fuel: z.string().optional().meta({ unavailable: true }) });
    const { error } = form.safeParse({ foo: 1, fule: 1 });
    expect(schemaProblems(error!, form, { input: {} })).toEqual([
      { path: 'foo', message: 'unknown key "foo"; known are pages' },
      { path: 'fule', message: 'unknown key "fule"; known are pages' },
    ]);
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
    expect(problemsOf({})).toEqual([{ path: 'module', message: 'is missing: expected a string' }]);
  });

  it('says what was expected and what was given in words of people', () => {
    const message = (asked: z.ZodType, input: unknown, showValues = true) => {
      const { error } = asked.safeParse(input);
      return error && schemaProblems(error, asked, { input, showValues })[0]?.message;
    };
    expect(message(z.string(), 7)).toBe('expected a string, got the number 7');
    expect(message(z.number(), 'seven')).toBe('expected a number, got the string "seven"');
    expect(message(z.number(), 'x'.repeat(1_000))).toBe(`expected a number, got the string "${'x'.repeat(80)}…"`);
    expect(message(z.strictObject({}), [])).toBe('expected an object, got a list');
    expect(message(z.record(z.string(), z.string()), null)).toBe('expected a map of keys to values, got null');
    expect(message(z.array(z.string()), {})).toBe('expected a list, got an object');
    expect(message(z.int(), 1.5)).toBe('expected a whole number, got the number 1.5');
    expect(message(z.number(), Number.NaN)).toBe('expected a number, got the number NaN');
    expect(message(z.union([z.number(), z.string()]), true)).toBe('expected a number or a string, got true');
    expect(message(z.string().min(1), '')).toBe('must have at least 1 character');
    expect(message(z.array(z.int()).max(2), [1, 2, 3])).toBe('must have at most 2 entries');
    expect(message(z.string().length(2), 'x')).toBe('must have exactly 2 characters');
    expect(message(z.number().min(1), 0)).toBe('must be at least 1');
    expect(message(z.number().lt(5), 5)).toBe('must be less than 5');
    expect(message(z.number().multipleOf(64), 65)).toBe('must be a multiple of 64');
    expect(message(z.base64(), '*')).toBe('must be base64');
    expect(message(z.email(), 'x')).toBe('must be an e-mail address');
    expect(message(z.string().regex(/^a+$/), 'b')).toBe('must match the pattern /^a+$/');
    expect(message(z.string().startsWith('/'), 'b')).toBe('must start with "/"');
    expect(message(z.enum(['warm', 'cold']), 'hot')).toBe('must be one of "warm", "cold", not the string "hot"');
    expect(message(z.literal(false), true)).toBe('must be false, not true');
    expect(message(z.record(z.string().max(2), z.int()), { abc: 1 })).toBe('has a key that is not allowed: must have at most 2 characters');
    expect(message(z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') })]), { kind: 'b' })).not.toMatch(/invalid/i);
  });

  it('leaves the words of an author as they are', () => {
    const asked = z.string('give a name').regex(/^a+$/, 'use only a');
    for (const [input, message] of [
      [1, 'give a name'],
      ['b', 'use only a'],
    ]) {
      const { error } = asked.safeParse(input);
      expect(error && schemaProblems(error, asked, { input })).toEqual([{ path: '', message }]);
    }
  });

  it('quotes no value of a configuration, which may be a secret', () => {
    for (const asked of [z.number(), z.enum(['a', 'b']), z.union([z.number(), z.boolean()])]) {
      const { error } = asked.safeParse('hunter2');
      expect(JSON.stringify(error && schemaProblems(error, asked, { input: 'hunter2' }))).not.toContain('hunter2');
    }
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

describe('nearestOperation', () => {
  it('finds an operation by its verb', () => {
    const known = ['compute.list', 'mygreeter.greet', 'other.greet'];
    expect(nearestOperation('greet', known)).toBe('mygreeter.greet');
    expect(nearestOperation('gret', known)).toBe('mygreeter.greet');
    expect(nearestOperation('compute.lst', known)).toBe('compute.list');
    expect(nearestOperation('zebra', known)).toBeUndefined();
  });
});
