import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkGuestPaths } from '../src/guest-paths.js';

describe('paths given to a guest', () => {
  it('are accepted only when they stay inside of the folder under every reading', () => {
    const part = fc.constantFrom('a', 'b', '.', '..', '', '/', '\\', '\0', 'ä', '...');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const given = parts.join('/');
        try {
          checkGuestPaths([given]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'FILES_INVALID' });
          return;
        }
        expect(path.posix.normalize(given)).toBe(given);
        expect(path.posix.resolve('/guest', given).startsWith('/guest/')).toBe(true);
        expect(path.win32.isAbsolute(given)).toBe(false);
      }),
    );
  });

  it('names every one that is wrong', () => {
    expect(() => checkGuestPaths(['ok', '/a', 'ok', 'x/../y'])).toThrow(
      expect.objectContaining({ details: [1, 2, 3].map((index) => expect.objectContaining({ path: `files.${index}.path` })) }),
    );
  });

  it.each([
    ['too deep', [`${'a/'.repeat(64)}b`]],
    ['too many', Array.from({ length: 10_001 }, (_, index) => String(index))],
    ['too long together', Array.from({ length: 300 }, (_, index) => String(index).padEnd(4_000, 'x'))],
  ])('are refused when they are %s', (_what, paths) => {
    expect(() => checkGuestPaths(paths)).toThrow(expect.objectContaining({ code: 'FILES_INVALID' }));
  });

  it('are named in an error of a size that can be sent, however many are wrong', () => {
    const wrong = new Array<string>(10_000).fill(`/${'x'.repeat(90)}`);
    expect(() => checkGuestPaths(wrong)).toThrow(
      expect.objectContaining({ code: 'FILES_INVALID', message: expect.stringMatching(/^.{1,4000}$/) }),
    );
  });
});
