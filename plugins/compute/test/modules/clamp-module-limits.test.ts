import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MalformedModule } from '../../src/modules/byte-reader.js';
import { clampModuleLimits, LimitsTooSmall } from '../../src/modules/clamp-module-limits.js';
import { readModule, UnsupportedFeature } from '../../src/modules/read-module.js';
import { FIXTURE, wat } from '../wat.js';

const LIMITS = { maxPages: 16, maxTableElements: 100 };
const clampedLimits = (text: string, limits = LIMITS) => {
  const { memories, tables } = readModule(clampModuleLimits(wat(text), limits));
  return { memories: memories.map(({ min, max }) => [min, max]), tables: tables.map(({ min, max }) => [min, max]) };
};

describe('clampModuleLimits', () => {
  it.each([
    ['(memory 1)', [[1, 16]]],
    ['(memory 1 4)', [[1, 4]]],
    ['(memory 1 65536)', [[1, 16]]],
    ['(memory 16)', [[16, 16]]],
    ['(memory 0 0)', [[0, 0]]],
    [
      '(memory 2) (memory 3)',
      [
        [2, 13],
        [3, 3],
      ],
    ],
    [
      '(memory 2 4) (memory 3 4)',
      [
        [2, 4],
        [3, 4],
      ],
    ],
  ])('gives %s the limits %j', (text, expected) => {
    expect(clampedLimits(`(module ${text})`).memories).toEqual(expected);
  });

  it.each([
    ['(table 1 funcref)', [[1, 100]]],
    ['(table 1 5 externref)', [[1, 5]]],
    [
      '(table 1 funcref) (table 2 200 funcref)',
      [
        [1, 98],
        [2, 2],
      ],
    ],
  ])('gives %s the limits %j', (text, expected) => {
    expect(clampedLimits(`(module ${text})`).tables).toEqual(expected);
  });

  it('keeps all memories together within the limit', () => {
    const memory = fc.record({ min: fc.nat(8), max: fc.option(fc.integer({ min: 8, max: 65_536 }), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(memory, { minLength: 1, maxLength: 4 }), fc.integer({ min: 32, max: 65_536 }), (memories, maxPages) => {
        const text = memories.map(({ min, max }) => `(memory ${min}${max === undefined ? '' : ` ${max}`})`).join(' ');
        const { memories: clamped } = clampedLimits(`(module ${text})`, { ...LIMITS, maxPages });
        expect(clamped.reduce((sum, [, max]) => sum + (max ?? Number.NaN), 0)).toBeLessThanOrEqual(maxPages);
        clamped.forEach(([min, max], index) => {
          expect(min).toBe(memories[index]?.min);
          expect(max).toBeLessThanOrEqual(memories[index]?.max ?? maxPages);
        });
      }),
      { numRuns: 30 },
    );
  });

  it.each(['(memory 17)', '(memory 9) (memory 8)', '(table 101 funcref)'])('refuses %s, which begins above the limit', (text) => {
    expect(() => clampedLimits(`(module ${text})`)).toThrow(LimitsTooSmall);
  });

  it('changes nothing but the two sections and gives a module that V8 takes', async () => {
    const clamped = clampModuleLimits(FIXTURE, LIMITS);
    expect(readModule(clamped).exports).toEqual(readModule(FIXTURE).exports);
    expect(clampModuleLimits(clamped, LIMITS)).toEqual(clamped);
    const { WebAssembly } = globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } };
    expect(WebAssembly.validate(clamped)).toBe(true);
  });

  it('lets V8 itself answer -1 to a growth beyond the limit', () => {
    type Engine = {
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object) => { exports: Record<string, (n: number) => number> };
    };
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;
    const { exports } = new Instance(new Module(clampModuleLimits(FIXTURE, LIMITS)));
    expect(exports.grow?.(15)).toBe(1);
    expect(exports.grow?.(1)).toBe(-1);
    expect(exports.tableGrow?.(98)).toBe(2);
    expect(exports.tableGrow?.(1)).toBe(-1);
  });
});

describe('readModule', () => {
  it('reads imports, exports and the longest function', () => {
    const shape = readModule(
      wat(`(module (import "a" "f" (func $f (param i64) (result f32))) (import "a" "g" (global i32)) (import "a" "m" (memory 1)) (import "a" "t" (table 1 funcref))
        (func $own (export "own") (param v128 externref) (nop) (nop)) (export "again" (func $f)))`),
    );
    expect(shape.imports).toEqual(
      [
        { module: 'a', name: 'f', kind: 'function' },
        { module: 'a', name: 'm', kind: 'memory' },
        { module: 'a', name: 't', kind: 'table' },
        { module: 'a', name: 'g', kind: 'global' },
      ].sort((x, y) => shape.imports.findIndex(({ name }) => name === x.name) - shape.imports.findIndex(({ name }) => name === y.name)),
    );
    expect(shape.exports).toEqual([
      { name: 'own', kind: 'function', params: ['v128', 'externref'], results: [] },
      { name: 'again', kind: 'function', params: ['i64'], results: ['f32'] },
    ]);
    expect(shape.largestFunctionBytes).toBeGreaterThan(1);
  });

  it.each([
    ['(memory i64 1)', 'memory64'],
    ['(memory 1 2 shared)', 'shared memory'],
    ['(type $s (struct (field i32))) (func (export "f") (drop (struct.new_default $s)))', 'garbage-collected types'],
    ['(type $f (func)) (func (export "f") (param (ref $f)))', 'typed references'],
    ['(table i64 1 funcref)', 'table64'],
  ])('refuses %s by the name of the feature: %s', (text, feature) => {
    expect(() => readModule(wat(`(module ${text})`))).toThrow(expect.objectContaining({ feature }));
  });

  it('refuses a component by name', () => {
    expect(() => readModule(Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]))).toThrow(UnsupportedFeature);
  });

  it.each([
    ['nothing', []],
    ['a text', [...Buffer.from('hello, this is no module')]],
    ['a header cut short', [0, 0x61, 0x73, 0x6d, 1]],
    ['another version', [0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]],
    ['a section longer than the file', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 0x7f]],
    ['a count without elements', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a number of more than 32 bits', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 6, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['two memory sections', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 0, 1, 5, 3, 1, 0, 1]],
    ['bytes behind a memory', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 4, 1, 0, 1, 9]],
    ['an export of a function that is not there', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 7, 5, 1, 1, 0x66, 0, 3]],
  ])('refuses %s as malformed', (_name, bytes) => {
    expect(() => readModule(Uint8Array.from(bytes))).toThrow(MalformedModule);
  });

  it('throws nothing but its own errors for arbitrary bytes, with or without a header', () => {
    const header = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withHeader) => {
        expectOwnError(withHeader ? Uint8Array.from([...header, ...bytes]) : bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  it('throws nothing but its own errors for a real module with changed, cut and doubled bytes', () => {
    const edit = fc.record({ at: fc.nat(FIXTURE.length - 1), value: fc.nat(255), cut: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
        let bytes = [...FIXTURE];
        for (const { at, value, cut } of edits) {
          bytes[at % bytes.length] = value;
          if (cut < 5) bytes = [...bytes.slice(0, at), ...bytes.slice(at + cut)];
        }
        expectOwnError(Uint8Array.from(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});

function expectOwnError(bytes: Uint8Array): void {
  try {
    const clamped = clampModuleLimits(bytes, LIMITS);
    expect(clamped.length).toBeGreaterThanOrEqual(8);
  } catch (error) {
    expect(error instanceof MalformedModule || error instanceof UnsupportedFeature || error instanceof LimitsTooSmall).toBe(true);
  }
}
