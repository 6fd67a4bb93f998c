import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { columnsOf, hang, wrap } from '../src/wrap.js';

describe('text that is wrapped', () => {
  it('has no line longer than the width, and every character in its order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 3, max: 90 }), (text, width) => {
        const lines = wrap(text, width);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width + 1);
        expect(lines.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
        for (const line of lines) expect(line.isWellFormed()).toBe(true);
      }),
    );
  });

  it('is broken at blanks, and in a word only where that is longer than a line', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k']);
    expect(wrap('', 4)).toEqual(['']);
    expect(hang('  one two three four', { columns: 10, indent: '    ' })).toBe('  one two\n    three\n    four');
  });

  it('fits what says that it is a terminal; elsewhere a line has no end', () => {
    expect(columnsOf({ columns: 20 })).toBe(Number.POSITIVE_INFINITY);
    expect(columnsOf({ isTTY: true })).toBe(80);
    expect(columnsOf({ isTTY: true, columns: 0 })).toBe(80);
    expect(columnsOf({ isTTY: true, columns: 132 })).toBe(132);
    expect(columnsOf({ isTTY: true, columns: 3 })).toBe(40);
    expect(wrap('x '.repeat(500), Number.POSITIVE_INFINITY)).toHaveLength(1);
  });
});
