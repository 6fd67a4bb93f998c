import { describe, expect, it } from '@jest/globals';
import { checkModule } from '../../src/modules/check-module.js';
import { readModule } from '../../src/modules/read-module.js';

const TYPE = 1;
const IMPORT = 2;
const FUNCTION = 3;
const TABLE = 4;
const MEMORY = 5;
const EXPORT = 7;
const CODE = 10;

type SectionOf = readonly [id: number, count: number, element: readonly number[]];

/** A module of sections, each a vector of the same element many times. */
function moduleOf(...sections: readonly SectionOf[]): Uint8Array {
  const parts = sections.flatMap(([id, count, element]) => {
    const elements = new Uint8Array(count * element.length);
    for (let index = 0; index < count; index += 1) elements.set(element, index * element.length);
    const length = leb(count);
    return [Uint8Array.from([id, ...leb(length.length + elements.length), ...length]), elements];
  });
  return Buffer.concat([Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), ...parts]);
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

const name = (length: number) => [...leb(length), ...new Array<number>(length).fill(0x61)];

describe('what one module may hold', () => {
  it.each<[string, SectionOf]>([
    ['types', [TYPE, 1_000_001, [0x60, 0, 0]]],
    ['parameters', [TYPE, 1, [0x60, ...leb(1_001), ...new Array<number>(1_001).fill(0x7f), 0]]],
    ['results', [TYPE, 1, [0x60, 0, ...leb(1_001), ...new Array<number>(1_001).fill(0x7f)]]],
    ['imports', [IMPORT, 10_001, [1, 0x61, 1, 0x61, 0, 0]]],
    ['functions', [FUNCTION, 1_000_001, [0]]],
    ['tables', [TABLE, 1_001, [0x70, 0, 0]]],
    ['memories', [MEMORY, 101, [0, 0]]],
    ['exports', [EXPORT, 10_001, [0, 3, 0]]],
    ['functions', [CODE, 1_000_001, [0]]],
  ])('refuses too many %s', (what, section) => {
    expect(() => readModule(moduleOf(section))).toThrow(what);
  });

  it('refuses a count before it looks at a single element', () => {
    const announced = Uint8Array.from([...moduleOf(), TYPE, 5, ...leb(2 ** 32 - 1)]);
    expect(() => readModule(announced)).toThrow('at most 1000000');
  });

  it('refuses more sections than any tool writes', () => {
    const empty = new Uint8Array(2 * 10_001);
    expect(() => readModule(Buffer.concat([moduleOf(), empty]))).toThrow('sections');
    expect(readModule(Buffer.concat([moduleOf(), empty.subarray(0, 2 * 10_000)])).sections).toEqual([]);
  });

  it('refuses a name longer than V8 takes', () => {
    expect(() => readModule(moduleOf([EXPORT, 1, [...name(100_001), 3, 0]]))).toThrow('name');
  });

  it('refuses exports whose types are written out a thousand times', () => {
    const wide = [0x60, ...leb(1_000), ...new Array<number>(1_000).fill(0x7f), 0];
    const bytes = moduleOf([TYPE, 1, wide], [FUNCTION, 1, [0]], [EXPORT, 1_000, [1, 0x61, 0, 0]]);
    expect(() => readModule(bytes)).toThrow('exports');
  });

  it('reads a module with as much as is allowed', () => {
    const shape = readModule(moduleOf([TYPE, 1_000_000, [0x60, 1, 0x7e, 0]], [FUNCTION, 10_000, [0]], [EXPORT, 10_000, [1, 0x61, 0, 0]]));
    expect(shape.exports).toHaveLength(10_000);
    expect(shape.exports[9_999]).toEqual({ name: 'a', kind: 'function', params: ['i64'], results: [] });
  });

  it('keeps a byte order mark, as V8 does', () => {
    expect(readModule(moduleOf([EXPORT, 1, [4, 0xef, 0xbb, 0xbf, 0x61, 3, 0]])).exports[0]?.name).toBe('\uFEFFa');
  });

  it('says what is wrong in few words, however much is wrong', () => {
    const greedy = moduleOf([IMPORT, 10_000, [...name(200), ...name(200), 3, 0x7f, 0]]);
    expect(() => checkModule(greedy, new Set())).toThrow(
      expect.objectContaining({ code: 'IMPORT_UNKNOWN', message: expect.stringMatching(/and 9900 more/) }),
    );
    try {
      checkModule(greedy, new Set());
    } catch (error) {
      expect(JSON.stringify([String(error), error]).length).toBeLessThan(100_000);
    }
  });
});
