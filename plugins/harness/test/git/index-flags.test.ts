import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hidesChanges } from '../../src/git/index-flags.js';
import { TemporaryRepository } from './temporary-repository.js';

const ODD = { 'x/ü.txt': '1', [`long/${'n'.repeat(200)}`]: '2', '-a': '3', abcdefg: '4', abcdefgh: '5', abcdefghi: '6' };

describe('the flags of an index', () => {
  it('are found in every version and with both hashes, and nothing is where nothing is hidden', async () => {
    for (const format of ['sha1', 'sha256'] as const) {
      using temporary = new TemporaryRepository(format);
      temporary.commit(ODD);
      const index = path.join(temporary.path, '.git/index');
      const bytes = format === 'sha1' ? 20 : 32;
      for (const version of ['2', '3', '4']) {
        temporary.git('update-index', '--index-version', version);
        writeFileSync(path.join(temporary.path, 'later'), '');
        temporary.git('add', '--intent-to-add', 'later');
        expect([format, version, await hidesChanges(index, bytes)]).toEqual([format, version, false]);
        for (const flag of ['assume-unchanged', 'skip-worktree']) {
          temporary.git('update-index', `--${flag}`, 'abcdefghi');
          expect([format, version, flag, await hidesChanges(index, bytes)]).toEqual([format, version, flag, true]);
          temporary.git('update-index', `--no-${flag}`, 'abcdefghi');
        }
        expect(await hidesChanges(index, bytes)).toBe(false);
      }
    }
  });

  it('are taken as hidden when the index is split, cut or something else, and not when it is missing', async () => {
    using temporary = new TemporaryRepository();
    const index = path.join(temporary.path, '.git/index');
    const whole = readFileSync(index);
    expect(await hidesChanges(`${index}-missing`, 20)).toBe(false);
    temporary.git('update-index', '--split-index');
    expect(await hidesChanges(index, 20)).toBe(true);
    for (const damaged of ['', 'garbage', 'DIRC'.repeat(20)]) {
      writeFileSync(index, damaged);
      expect([damaged, await hidesChanges(index, 20)]).toEqual([damaged, true]);
    }
    writeFileSync(index, whole);
    truncateSync(index, 100);
    expect(await hidesChanges(index, 20)).toBe(true);
  });

  it('never throw nor hang, whatever the bytes are', async () => {
    using temporary = new TemporaryRepository();
    const index = path.join(temporary.path, '.git/index');
    const whole = readFileSync(index);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(whole.length), async (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        writeFileSync(index, bytes);
        expect(typeof (await hidesChanges(index, 20))).toBe('boolean');
      }),
    );
  });
});
