import { z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hostConfigSchema } from '../src/config-schema.js';
import { nearestName, schemaProblems } from '../src/schema-problems.js';

function problemsOf(input: unknown, schema: z.ZodType = hostConfigSchema) {
  const result = schema.safeParse(input);
  return result.success ? [] : schemaProblems(result.error, { schema, input });
}

describe('schemaProblems', () => {
  it('names an unknown key with the nearest known one, at any depth', () => {
    expect(problemsOf({ hots: {}, host: { prot: 1 }, plugins: { compute: { form: './x', from: './x' } } })).toEqual([
      { path: 'host.prot', message: 'unknown key "prot"', suggestion: 'port' },
      { path: 'plugins.compute.form', message: 'unknown key "form"', suggestion: 'from' },
      { path: 'hots', message: 'unknown key "hots"', suggestion: 'host' },
    ]);
  });

  it('says what was expected and what was given', () => {
    expect(problemsOf({ host: { port: 'seven', logLevel: 'wran' }, plugins: { a: {} } })).toEqual([
      { path: 'host.port', message: 'expected number, got the string "seven"' },
      { path: 'host.logLevel', message: 'the string "wran" is not one of debug, info, warn, error', suggestion: 'warn' },
      { path: 'plugins.a.from', message: 'is missing: expected string' },
    ]);
  });

  it('has a path and a message for every problem of arbitrary input', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('host', 'plugins', 'governor', '__proto__', 'x'), fc.jsonValue()), (input) => {
        for (const problem of problemsOf(input)) {
          expect(problem.message).not.toBe('');
          expect(problem.path).not.toBe('');
        }
      }),
    );
  });
});

describe('nearestName', () => {
  it('finds a name with a slip in it and nothing for a name unlike all', () => {
    const known = ['port', 'address', 'dataDir'];
    expect(nearestName('prot', known)).toBe('port');
    expect(nearestName('datadir', known)).toBe('dataDir');
    expect(nearestName('zebra', known)).toBeUndefined();
  });
});
