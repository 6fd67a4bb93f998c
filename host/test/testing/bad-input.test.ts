import { z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { jsonSchemaOf } from '../../src/operations/operation-schemas.js';
import { hostileInputs, isPolluted, malformedInputs } from '../../src/testing/bad-input.js';

const schemas = {
  'one that needs a text': z.strictObject({ text: z.string() }),
  'one that needs nothing': z.strictObject({ limit: z.int().default(10), tags: z.array(z.string()).optional() }),
  'one of nothing': z.strictObject({}),
  'one that needs two': z.strictObject({ text: z.string(), limit: z.int() }),
  'one of which something may be null': z.strictObject({ text: z.string().nullable(), tags: z.array(z.string()).nullable() }),
  'a list': z.array(z.string()),
  'a text, or a number, or nothing': z.union([z.string(), z.int()]).nullable(),
};

describe('malformed input', () => {
  it.each(Object.entries(schemas))('is refused by the schema it was made for: %s', (_name, schema) => {
    const bad = malformedInputs(jsonSchemaOf(schema, 'input'));
    expect(bad.length).toBeGreaterThan(4);
    for (const { what, input } of bad) expect([what, schema.safeParse(input).success]).toEqual([what, false]);
  });

  it('has one fault at a time, so that no other one hides it', () => {
    const bad = malformedInputs(jsonSchemaOf(schemas['one that needs two'], 'input'));
    const paths = bad.flatMap(({ what, input }) => {
      const issues = schemas['one that needs two'].safeParse(input).error?.issues ?? [];
      return what.startsWith('limit') || what === 'an unknown key' ? [issues.map(({ path }) => path.join('.'))] : [];
    });
    expect(paths).toEqual([[''], ['limit'], ['limit']]);
  });

  it('does not hold what would be a good input', () => {
    const empty = ({ what }: { readonly what: string }) => what.startsWith('nothing, without');
    expect(malformedInputs(jsonSchemaOf(schemas['one that needs a text'], 'input')).some(empty)).toBe(true);
    expect(malformedInputs(jsonSchemaOf(schemas['one that needs nothing'], 'input')).some(empty)).toBe(false);
  });
});

describe('hostile input', () => {
  it('tries each key with each kind of value, and reaches no prototype by itself', () => {
    const keys = hostileInputs(jsonSchemaOf(schemas['one that needs nothing'], 'input')).map(({ what }) => what.split(' ')[0]);
    expect(keys.filter((key) => key === 'limit').length).toBeGreaterThan(5);
    expect(keys.filter((key) => key === 'tags').length).toBeGreaterThan(5);
    expect(isPolluted()).toBe(false);
  });

  it('reaches what is behind a schema that needs two keys', () => {
    const schema = schemas['one that needs two'];
    const accepted = hostileInputs(jsonSchemaOf(schema, 'input')).filter(({ input }) => schema.safeParse(input).success);
    expect(accepted.map(({ what }) => what)).toContain('text with a mebibyte of text');
  });

  it('knows no keys of a schema that is no object', () => {
    expect(hostileInputs(jsonSchemaOf(z.string(), 'input')).length).toBe(2);
  });
});
