import { z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { printOperationTypes } from '../../src/client-types/print-operation-types.js';
import { printType } from '../../src/client-types/print-type.js';

const ofZod = (schema: z.ZodType) => printType(z.toJSONSchema(schema, { io: 'input' }));

describe('printType', () => {
  it.each([
    ['text', z.string().min(3), 'string'],
    ['a whole number', z.int().min(1), 'number'],
    ['one of some', z.enum(['a', 'b"']), '"a" | "b\\""'],
    ['a constant', z.literal(false), 'false'],
    ['a choice', z.union([z.string(), z.number(), z.null()]), 'string | number | null'],
    ['a list of choices', z.array(z.union([z.string(), z.number()])), 'readonly (string | number)[]'],
    ['a list of lists', z.array(z.array(z.string())), 'readonly (readonly string[])[]'],
    ['a tuple', z.tuple([z.string(), z.boolean()]), 'readonly [string, boolean]'],
    ['a record', z.record(z.string(), z.number()), 'Readonly<Record<string, number>>'],
    ['no key at all', z.strictObject({}), 'Readonly<Record<string, never>>'],
    ['anything', z.unknown(), 'unknown'],
  ])('prints %s', (_what, schema, type) => {
    expect(ofZod(schema)).toBe(type);
  });

  it('prints objects with what may be left out, and what each key is', () => {
    const schema = z.strictObject({
      name: z.string().describe('Of the */ module\nhere'),
      size: z.int().default(5),
      'odd key': z.boolean().optional(),
    });
    expect(ofZod(schema)).toBe(`{
  /** Of the *\u200b/ module here */
  readonly "name": string;
  readonly "size"?: number;
  readonly "odd key"?: boolean;
}`);
  });

  it('follows references inside of the schema, circles for a while, and no others', () => {
    const tree = z.strictObject({
      value: z.string(),
      get children() {
        return z.array(tree);
      },
    });
    expect(ofZod(tree)).toMatch(/^\{\n {2}readonly "value": string;\n {2}readonly "children": readonly \{\n/);
    expect(printType({ $ref: 'https://example.com/schema' })).toBe('unknown');
    expect(printType({ $ref: '#/$defs/none' })).toBe('unknown');
  });

  it('makes something of any value, without an end of a comment or a line that could be code', () => {
    const schemas = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, fc.jsonValue(), tie('schema')),
      schema: fc.dictionary(
        fc.constantFrom(
          'type',
          'properties',
          'items',
          'prefixItems',
          'anyOf',
          'allOf',
          'enum',
          'const',
          '$ref',
          'required',
          'description',
          '__proto__',
        ),
        fc.oneof(
          fc.constantFrom('object', 'array', 'string', '#', '#/properties', '*/ evil()'),
          fc.array(tie('value'), { maxLength: 3 }),
          tie('value'),
        ),
      ),
    })).schema;
    fc.assert(
      fc.property(schemas, fc.string({ unit: 'binary' }), (schema, summary) => {
        const text = printOperationTypes([{ name: 'a.b', summary, input: schema as never, output: {} }]);
        const code = text.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\/\*\*.*?\*\//g, '');
        expect(code).not.toContain('evil');
      }),
    );
  });
});
