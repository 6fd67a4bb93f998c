import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type GuestFolder, parseGuestFolder, readGuestFolders, writeGuestFolders } from '../../src/cli/guest-folders.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-guest-'));
  await mkdir(path.join(root, 'data', 'deep'), { recursive: true });
  await writeFile(path.join(root, 'data', 'a.txt'), 'a');
  await writeFile(path.join(root, 'data', 'deep', 'b.txt'), 'b');
  await writeFile(path.join(root, 'secret'), 'secret');
});
afterEach(() => rm(root, { recursive: true }));

const folder = (guest = '/data', readOnly = false): GuestFolder => ({ host: path.join(root, 'data'), guest, readOnly });
const file = (name: string, text = 'written') => ({ path: name, base64: Buffer.from(text).toString('base64') });
const content = (name: string) => readFile(path.join(root, name), 'utf8');

describe('parseGuestFolder', () => {
  const resolve = (name: string) => `/cwd/${name}`;

  it('reads host, guest and whether it may be written', () => {
    expect(parseGuestFolder('texts:/data', resolve)).toEqual({ host: '/cwd/texts', guest: '/data', readOnly: false });
    expect(parseGuestFolder('texts:/data/:ro', resolve)).toEqual({ host: '/cwd/texts', guest: '/data', readOnly: true });
    expect(parseGuestFolder('.:/', resolve)).toEqual({ host: '/cwd/.', guest: '', readOnly: false });
    expect(parseGuestFolder('C:\\texts:/data', resolve).host).toBe('/cwd/C:\\texts');
  });

  it('refuses what is neither', () => {
    for (const text of ['', 'texts', 'texts:data', ':/data', 'texts:/data:rw', 'a:/b:/c:x']) {
      expect(() => parseGuestFolder(text, resolve)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    }
  });
});

describe('readGuestFolders', () => {
  it('takes every regular file with its place in the guest, and follows no link', async () => {
    await symlink(path.join(root, 'secret'), path.join(root, 'data', 'link'));
    await symlink(root, path.join(root, 'data', 'up'));
    expect(await readGuestFolders([folder()])).toEqual([file('data/a.txt', 'a'), file('data/deep/b.txt', 'b')]);
    expect((await readGuestFolders([folder('')])).map(({ path: name }) => name)).toEqual(['a.txt', 'deep/b.txt']);
  });

  it('says which folder cannot be read', async () => {
    await expect(readGuestFolders([{ ...folder(), host: path.join(root, 'none') }])).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

describe('writeGuestFolders', () => {
  it('writes files back where they came from, new folders included', async () => {
    expect(await writeGuestFolders([folder()], [file('data/a.txt'), file('/data/new/c.txt')])).toBe(2);
    expect([await content('data/a.txt'), await content('data/new/c.txt')]).toEqual(['written', 'written']);
  });

  it('writes nothing into a folder that is read-only', async () => {
    expect(await writeGuestFolders([folder('/data', true)], [file('data/a.txt')])).toBe(0);
    expect(await content('data/a.txt')).toBe('a');
  });

  it('says which file the system does not let it write', async () => {
    for (const name of ['data/deep', 'data/a.txt/below']) {
      await expect(writeGuestFolders([folder()], [file(name)])).rejects.toMatchObject({ code: 'FILE_UNWRITABLE', kind: 'input' });
    }
  });

  it('prefers the innermost of nested folders', async () => {
    const inner: GuestFolder = { host: path.join(root, 'data', 'deep'), guest: '/in/side', readOnly: true };
    expect(await writeGuestFolders([folder('/in'), inner], [file('in/side/b.txt'), file('in/a.txt')])).toBe(1);
    expect([await content('data/deep/b.txt'), await content('data/a.txt')]).toEqual(['b', 'written']);
  });

  it('writes nothing at all when one file would leave its folder', async () => {
    await symlink(root, path.join(root, 'data', 'up'));
    await symlink(path.join(root, 'secret'), path.join(root, 'data', 'link'));
    const escapes = [
      'data/../secret',
      '../secret',
      'data/./../../secret',
      'other/x',
      'database',
      'data',
      'data/',
      'data//x',
      'data/up/secret',
      'data/link',
      'data/a\\..\\..\\x',
      'data/c:x',
      'data/\0',
      '',
    ];
    for (const name of escapes) {
      await expect(writeGuestFolders([folder()], [file('data/a.txt'), file(name)])).rejects.toMatchObject({
        code: 'FILE_ESCAPES',
        kind: 'guest',
      });
    }
    expect([await content('data/a.txt'), await content('secret')]).toEqual(['a', 'secret']);
  });
});
