import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { exportedFunction, formatResults, parseArguments } from '../src/guest-values.js';
import type { ValueType } from '../src/modules/read-module.js';

const parse = (type: ValueType, value: number | string) => parseArguments([value], { params: [type], results: [] })[0];
const format = (value: number | bigint) => formatResults([value])[0] as number | string;

describe('values of guests', () => {
  it('carries every 64-bit integer there and back as a string', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => expect(parse('i64', format(value))).toBe(value)),
    );
  });

  it('carries every double there and back, with its sign and without a number being lost', () => {
    fc.assert(fc.property(fc.double(), (value) => expect(parse('f64', format(value))).toBe(value)));
  });

  it('gives only JSON that keeps its meaning', () => {
    fc.assert(fc.property(fc.double(), (value) => expect(JSON.parse(JSON.stringify(format(value)))).toBe(format(value))));
  });

  it.each<[ValueType, number | string]>([
    ['i32', 2 ** 32],
    ['i32', -(2 ** 31) - 1],
    ['i32', 0.5],
    ['i32', ''],
    ['i32', '1e3'],
    ['i64', '18446744073709551616'],
    ['i64', '-9223372036854775809'],
    ['i64', 2 ** 53],
    ['i64', '0x10'],
    ['f64', 'nan'],
    ['f64', ''],
    ['f64', ' 1'],
    ['f32', 'one'],
  ])('refuses for %s the value %j', (type, value) => {
    expect(() => parse(type, value)).toThrow(expect.objectContaining({ code: 'ARGUMENTS_INVALID' }));
  });

  it('names neither all exports nor all of an argument in an error', () => {
    const exports = Array.from({ length: 10_000 }, (_, index) => ({
      name: `f${index}`,
      kind: 'function' as const,
      params: [],
      results: [],
    }));
    const unknown = () => exportedFunction({ name: 'm', exports }, 'g'.repeat(1_000_000));
    expect(unknown).toThrow(expect.objectContaining({ code: 'EXPORT_UNKNOWN', message: expect.stringMatching(/^.{1,2000}$/) }));
    const argument = () => parse('i32', 'x'.repeat(1_000_000));
    expect(argument).toThrow(expect.objectContaining({ code: 'ARGUMENTS_INVALID', message: expect.stringMatching(/^.{1,500}$/) }));
  });
});
