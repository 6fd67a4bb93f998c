import { describe, expect, it } from '@jest/globals';
import { parseText } from '../../src/definitions/parse-text.js';

describe('the text of a definition', () => {
  it('is read, and places are known by their path', () => {
    const yaml = 'name: order\nstages:\n  - name: a\n    input: { x: "${" }\n    dependsOn: [b,\n      c]\n';
    const parsed = parseText(yaml, 'yaml');
    expect(parsed).toMatchObject({
      faults: [],
      value: { name: 'order', stages: [{ name: 'a', input: { x: '${' }, dependsOn: ['b', 'c'] }] },
    });
    expect(parsed.placeOf('stages[0].input')).toEqual({ line: 4, column: 12 });
    expect(parsed.placeOf('stages[0] (with-name).input')).toEqual({ line: 4, column: 12 });
    expect(parsed.placeOf('stages[0].input.x')).toEqual({ line: 4, column: 17 });
    expect(parsed.placeOf('stages[0].dependsOn[1]')).toEqual({ line: 6, column: 7 });
    expect(parsed.placeOf('stages[0].missing.more')).toEqual({ line: 3, column: 5 });
    expect(parsed.placeOf('')).toEqual({ line: 1, column: 1 });
    const json = parseText('{\n  "name": 1\n}', 'json');
    expect(json).toMatchObject({ faults: [], value: { name: 1 } });
    expect(json.placeOf('name')).toEqual({ line: 2, column: 11 });
  });

  it.each([
    ['yaml', 'a: 1\nb: [1,\nc: 2', expect.objectContaining({ line: expect.any(Number) })],
    ['yaml', 'a: 1\na: 2', { line: 2, column: 1 }],
    ['yaml', 'a: 1\n---\nb: 2', { line: 2, column: 1 }],
    ['yaml', 'a: !!js/function x', { line: 1, column: 4 }],
    ['yaml', 'a: !!binary aGVsbG8=', { line: 1, column: 4 }],
    ['yaml', 'a: !!set {x, y}', { line: 1, column: 4 }],
    ['yaml', 'a: *nobody', null],
    ['json', '{\n "a": 1,\n "b" 2}', expect.objectContaining({ line: 3 })],
    ['json', '', null],
  ] as const)('in %s that is %j is refused with its place', (format, text, place) => {
    const { faults } = parseText(text, format);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults[0]!.place).toEqual(place);
  });

  it.each(['', '\n', '# later\n', '---\n'])('that holds nothing says so: %j', (text) => {
    expect(parseText(text, 'yaml').faults).toEqual([{ place: null, message: 'is empty, or holds comments only' }]);
  });

  it('that is hostile is refused without taking memory or the stack', () => {
    const bomb = Array.from(
      { length: 40 },
      (_, level) => `a${level}: &a${level} [${level === 0 ? 'x' : `*a${level - 1},*a${level - 1}`}]`,
    ).join('\n');
    expect(parseText(bomb, 'yaml').faults[0]!.message).toContain('alias');
    expect(parseText('['.repeat(100_000), 'yaml').faults).not.toEqual([]);
    expect(parseText('{"a":'.repeat(100_000), 'json').faults).not.toEqual([]);
    expect(parseText('a: x\n'.repeat(500_000), 'yaml').faults[0]!.message).toContain('write one as large as JSON');
    expect(parseText(' '.repeat(65 * 1024 * 1024), 'json').faults[0]!.message).toContain('characters');
    expect(parseText(`a: ${'x'.repeat(1_000_000)}: b`, 'yaml').faults[0]!.message.length).toBeLessThan(300);
  });

  it('with a key twice in one map is refused with its place, as JSON would see the keys', () => {
    const { faults } = parseText('a: 1\nb: { 1: x, c: 2, "1": y }\na: 2\n', 'yaml');
    expect(faults).toEqual([
      { place: { line: 3, column: 1 }, message: 'the key "a" is in this map already' },
      { place: { line: 2, column: 18 }, message: 'the key "1" is in this map already' },
    ]);
  });

  it('with 100,000 keys in one map is read in time that grows with them', () => {
    const text = Array.from({ length: 100_000 }, (_, index) => `k${index}: 1`).join('\n');
    expect(Object.keys(parseText(text, 'yaml').value as object)).toHaveLength(100_000);
  });

  it('with a name of a prototype stays data', () => {
    const { value } = parseText('__proto__: { polluted: 1 }', 'yaml');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
  });
});
