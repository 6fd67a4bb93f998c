import { z } from '@bellows/sdk';
import { expect, it } from '@jest/globals';
import { jsonSchemaOf } from '../../src/operations/operation-schemas.js';
import { sampleInput } from '../../src/testing/sample-input.js';

const sampled = (schema: z.ZodType) => sampleInput(jsonSchemaOf(schema, 'input'));

it.each<readonly [string, z.ZodType]>([
  ['texts', z.string()],
  ['long texts', z.string().min(100)],
  ['short texts', z.string().max(3)],
  ['addresses', z.url()],
  ['mail addresses', z.email()],
  ['unique ids', z.uuid()],
  ['times', z.iso.datetime()],
  ['whole numbers', z.int()],
  ['numbers within bounds', z.number().gt(7).lt(9)],
  ['negative numbers', z.int().max(-5)],
  ['multiples', z.int().multipleOf(7).min(8)],
  ['truths', z.boolean()],
  ['words of a list', z.enum(['one', 'two'])],
  ['one word', z.literal('only')],
  ['one of several', z.union([z.strictObject({ file: z.string() }), z.array(z.string())])],
  ['nothing or a text', z.string().nullable()],
  ['lists with a least length', z.array(z.strictObject({ id: z.string() })).min(2)],
  ['pairs', z.tuple([z.string(), z.int()])],
  ['tables', z.record(z.string(), z.int())],
  ['objects in objects', z.strictObject({ inner: z.strictObject({ text: z.string(), more: z.string().optional() }) })],
  ['anything', z.unknown()],
  [
    'a pattern with an example',
    z
      .string()
      .regex(/^[0-9a-f]{4}$/)
      .meta({ examples: ['00ff'] }),
  ],
])('makes a good input of %s', (_what, value) => {
  const schema = z.strictObject({ value: value.refine((given) => given !== undefined), optional: z.string().optional() });
  const input = sampled(schema);
  expect([Object.keys(input), schema.safeParse(input).success]).toEqual([['value'], true]);
});

it('leaves out what a schema does not tell', () => {
  expect(sampled(z.strictObject({ code: z.string().regex(/^[0-9a-f]{4}$/), name: z.string() }))).toEqual({ name: expect.any(String) });
});

it('ends where a schema refers to itself', () => {
  const folder = z.strictObject({
    name: z.string(),
    get parent() {
      return folder;
    },
  });
  expect(sampled(folder)).toEqual({ name: expect.any(String) });
});

it('makes nothing of a schema that is no object', () => {
  expect(sampled(z.string())).toEqual({});
});
