import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { findUnconvertible, parseManifest } from '../src/index.js';

describe('findUnconvertible', () => {
  it.each([
    [{ name: { length: { toString: 0 } } }, 'name.length'],
    [[{ size: { valueOf: null, toString: {} } }], '0.size'],
    [{ length: [[{ toString: 1 }]] }, 'length'],
    [{ length: { toString: 'a' }, more: 1 }, 'length'],
  ])('finds in %j the place', (value, path) => {
    expect(findUnconvertible(value)).toBe(path);
  });

  it.each<unknown>([null, 5, 'length', { length: 5 }, { length: {} }, { length: [1] }, { toString: 0 }, { a: { valueOf: 1 } }])(
    'lets %j be',
    (value) => {
      expect(findUnconvertible(value)).toBeUndefined();
    },
  );

  it('comes to an end in a circle', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(findUnconvertible(circle)).toBeUndefined();
  });

  it('finds everything of JSON that zod throws at, instead of refusing it', () => {
    const schema = z.strictObject({
      text: z.string().min(1).max(9),
      list: z.array(z.string().min(1)).min(1),
      names: z.record(z.string().min(1), z.int().min(1)),
    });
    const keys = fc.constantFrom('text', 'list', 'names', 'length', 'size', 'toString', 'valueOf', '__proto__', 'a');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(0, null, 'a', true),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(value, (given) => {
        if (findUnconvertible(given) === undefined) expect(() => schema.safeParse(given)).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('parseManifest', () => {
  it('refuses a value that cannot be compared', () => {
    expect(parseManifest({ id: { length: { toString: 0 } } })).toEqual({ problems: [{ path: 'id.length', message: 'must be a number' }] });
  });
});
