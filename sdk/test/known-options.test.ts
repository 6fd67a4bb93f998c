import { describe, expect, it } from '@jest/globals';
import { optionNames, optionProblems, problemText } from '../src/known-options.js';

interface Sample {
  readonly maxEntries: number;
  readonly ttlMs?: number;
}
const names = optionNames<Sample>({ maxEntries: true, ttlMs: true });

describe('optionProblems', () => {
  it('lets pass what is known, also where it is undefined, and instances that have more', () => {
    expect(optionProblems({}, names, 'options')).toEqual([]);
    expect(optionProblems({ maxEntries: 1, ttlMs: undefined }, names, 'options')).toEqual([]);
    expect(optionProblems(Object.create(null), names, 'options')).toEqual([]);
    class Own {
      readonly maxEntries = 1;
      readonly more = 2;
    }
    expect(optionProblems(new Own(), names, 'options')).toEqual([]);
  });

  it('names each unknown one, with the name that was meant', () => {
    expect(optionProblems({ maxEntris: 1, zebra: 2 }, names, 'options')).toEqual([
      { path: 'options.maxEntris', message: 'is unknown: did you mean maxEntries?', suggestion: 'maxEntries' },
      { path: 'options.zebra', message: 'is unknown: there are maxEntries, ttlMs' },
    ]);
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', 'a string'],
    [[], 'an object of type Array'],
    [() => {}, 'a function'],
  ])('says what %p is in place of an object', (given, shown) => {
    expect(problemText(optionProblems(given, names, 'options'))).toBe(`options must be an object with maxEntries, ttlMs, and is ${shown}`);
  });

  it('is short whatever it is given', () => {
    const hostile = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`${'x'.repeat(1_000)}${index}`, 1]));
    const problems = optionProblems(hostile, names, 'options');
    expect(problems).toHaveLength(20);
    expect(problemText(problems).length).toBeLessThan(5_000);
    const proto = JSON.parse('{"__proto__": {}}') as object;
    expect(optionProblems(proto, names, 'options')).toHaveLength(1);
  });
});
