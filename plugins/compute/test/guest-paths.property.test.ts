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
});
