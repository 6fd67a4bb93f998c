import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countText, differenceOf, parseGuestCounts } from '../../src/demo/count-text.js';

const wasm = new WebAssembly.Module(readFileSync(path.resolve(import.meta.dirname, '../../dist/demo/count-texts.wasm')));

/** Runs the program as a host would, with streams only. */
function countInWasm(input: Buffer): readonly string[] {
  const out: Buffer[] = [];
  let read = 0;
  const memory = () => new DataView((instance.exports.memory as WebAssembly.Memory).buffer);
  const buffer = (vector: number) =>
    new Uint8Array(memory().buffer, memory().getUint32(vector, true), memory().getUint32(vector + 4, true));
  const instance = new WebAssembly.Instance(wasm, {
    wasi_snapshot_preview1: {
      fd_read(_file: number, vector: number, _count: number, done: number) {
        const some = input.subarray(read, read + Math.min(buffer(vector).length, 1_000));
        buffer(vector).set(some);
        read += some.length;
        memory().setUint32(done, some.length, true);
        return 0;
      },
      fd_write(_file: number, vector: number, _count: number, done: number) {
        out.push(Buffer.from(buffer(vector)));
        memory().setUint32(done, buffer(vector).length, true);
        return 0;
      },
      proc_exit(code: number) {
        throw new Error(`exit ${code}`);
      },
    },
  });
  (instance.exports._start as () => void)();
  return Buffer.concat(out).toString().trimEnd().split('\n');
}

/** By trying every pair of places and every length. */
function longestRepeatOf(bytes: Buffer): number {
  let longest = 0;
  for (let first = 0; first < bytes.length; first++) {
    for (let second = first + 1; second < bytes.length; second++) {
      let length = 0;
      while (first + length < second && bytes[first + length] === bytes[second + length] && second + length < bytes.length) length++;
      longest = Math.max(longest, length);
    }
  }
  return longest;
}

const pieces = fc.constantFrom('a', 'b', 'é', '](', '# ', '#', '```', '\n', '\n', ' ', '\t', '\r', '\v', '[x](y)', '\u00a0', '####### ');
const text = fc.array(pieces, { maxLength: 80 }).map((parts) => parts.join(''));

describe('count-texts', () => {
  it('counts what JavaScript counts, and finds the longest passage that stands twice', () => {
    fc.assert(
      fc.property(text, (one) => {
        const bytes = Buffer.from(one);
        const [line = ''] = countInWasm(bytes);
        const counts = parseGuestCounts(line);
        expect(differenceOf(counts, bytes)).toBeUndefined();
        expect(counts.repeat.length).toBe(longestRepeatOf(bytes));
      }),
    );
  });

  it('answers a line for each of several texts, in their order, also of bytes that are no text', () => {
    const bytes = fc.uint8Array({ min: 1, maxLength: 60 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 5 }), (texts) => {
        const lines = countInWasm(Buffer.concat(texts.flatMap((one, index) => (index === 0 ? [one] : [Buffer.from([0]), one]))));
        expect(lines.map((line) => parseGuestCounts(line).words)).toEqual(texts.map((one) => countText(one).words));
      }),
    );
  });

  it('reads an input that is larger than its first buffer', () => {
    const large = Buffer.from('word '.repeat(40_000));
    expect(parseGuestCounts(countInWasm(large)[0] ?? '')).toMatchObject({ bytes: 200_000, words: 40_000 });
  });
});

describe('differenceOf', () => {
  const bytes = Buffer.from('# A b\n[a](b) x y x y\n');
  const right = { bytes: 21, lines: 2, words: 8, headings: 1, links: 1, repeat: { length: 4, first: 12, second: 16 } };

  it('finds nothing wrong with what is right', () => {
    expect(differenceOf(right, bytes)).toBeUndefined();
  });

  it.each(['bytes', 'lines', 'words', 'headings', 'links'] as const)('says that %s are wrong, and both numbers', (name) => {
    expect(differenceOf({ ...right, [name]: 99 }, bytes)).toBe(`99 ${name} by WebAssembly, ${right[name]} by JavaScript`);
  });

  it.each([
    { length: 3, first: 11, second: 16 },
    { length: 5, first: 12, second: 16 },
    { length: 4, first: 12, second: 99 },
  ])('says that a passage does not stand twice: %j', (repeat) => {
    expect(differenceOf({ ...right, repeat }, bytes)).toContain('does not');
  });
});

describe('parseGuestCounts', () => {
  it.each(['', '1 2 3', 'a b c d e f g h', '1 2 3 4 5 6 7 8 9', '1.5 2 3 4 5 6 7 8'])('refuses %j', (line) => {
    expect(() => parseGuestCounts(line)).toThrow('count-texts answered');
  });
});
