import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHostLogger } from '../src/host-logger.js';
import { LogFile } from '../src/log-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-log-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('LogFile', () => {
  it('keeps the newest lines in at most two files, also across a restart', async () => {
    const file = path.join(folder, 'host.log');
    for (const name of ['a', 'b']) {
      const log = new LogFile(file, 8);
      for (let line = 0; line < 5; line += 1) log.write(`${name}${line}\n`);
      log.close();
    }
    expect((await readdir(folder)).sort()).toEqual(['host.log', 'host.log.1']);
    for (const name of [file, `${file}.1`]) expect((await stat(name)).mode & 0o077).toBe(0);
    expect(await readFile(`${file}.1`, 'utf8')).toBe('b1\nb2\nb3\n');
    expect(await readFile(file, 'utf8')).toBe('b4\n');
  });

  it('ignores what is written after it was closed', async () => {
    const log = new LogFile(path.join(folder, 'host.log'));
    log.write('a\n');
    log.close();
    log.close();
    log.write('b\n');
    expect(await readFile(path.join(folder, 'host.log'), 'utf8')).toBe('a\n');
  });

  it('says when it cannot be opened', () => {
    expect(() => new LogFile(path.join(folder, 'absent', 'host.log'))).toThrow(/ENOENT/);
  });
});

describe('createHostLogger', () => {
  it('writes JSON for programs and a line for people, and to people only once it is closed', async () => {
    let shown = '';
    const console = { write: (text: string) => void (shown += text) };
    const logger = createHostLogger({ level: 'info', logFolder: folder, console });
    logger.child({ plugin: 'p' }).error('kaputt', { error: new Error('why') });
    logger.debug('not this');
    logger.close();
    logger.warn('late');
    const lines = (await readFile(path.join(folder, 'host.log'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ plugin: 'p', msg: 'kaputt', error: { message: 'why' } });
    expect(shown).toMatch(/^\d\d:\d\d:\d\d error \[p\] kaputt\nError: why\n[\s\S]*\d\d:\d\d:\d\d warn {2}late\n$/);
  });
});
