import { z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { parseSubstituted } from '../src/parse-substituted.js';

const outcome = (schema: z.ZodType, value: unknown, paths: readonly string[] = ['at']) =>
  parseSubstituted(schema, value, new Set(paths)).data ?? 'refused';

describe('a text that was put in', () => {
  it('becomes the number or the truth value that is wanted, also where other forms are possible', () => {
    const wanted = (schema: z.ZodType, text: string) => outcome(z.strictObject({ at: schema }), { at: text });
    expect(wanted(z.int(), '5')).toEqual({ at: 5 });
    expect(wanted(z.boolean(), ' true ')).toEqual({ at: true });
    expect(wanted(z.union([z.int(), z.literal('auto')]), '5')).toEqual({ at: 5 });
    expect(wanted(z.union([z.literal('auto'), z.boolean(), z.null()]), 'false')).toEqual({ at: false });
    expect(wanted(z.union([z.literal(1), z.literal(2)]), '2')).toEqual({ at: 2 });
    expect(wanted(z.union([z.int(), z.string()]), '5')).toEqual({ at: '5' });
    for (const text of ['', ' ', 'five', '5 s', 'NaN']) expect([text, wanted(z.int(), text)]).toEqual([text, 'refused']);
    for (const text of ['yes', '1', 'TRUE']) expect([text, wanted(z.boolean(), text)]).toEqual([text, 'refused']);
  });

  it('becomes one in depth, also where it tells forms apart', () => {
    const form = z.union([z.strictObject({ on: z.literal(true), size: z.int() }), z.strictObject({ on: z.literal(false) })]);
    const schema = z.strictObject({ list: z.array(form), 'odd key': z.record(z.string(), z.int()) });
    const value = { list: [{ on: 'true', size: '7' }], 'odd key': { 'a.b': '8' } };
    expect(outcome(schema, value, ['list[0].on', 'list[0].size', '"odd key"."a.b"'])).toEqual({
      list: [{ on: true, size: 7 }],
      'odd key': { 'a.b': 8 },
    });
  });

  it('is told apart from one that was written: that stays a text', () => {
    expect(outcome(z.strictObject({ at: z.int() }), { at: '5' }, [])).toBe('refused');
  });
});
