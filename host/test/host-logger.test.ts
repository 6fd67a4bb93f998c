import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ConfigError } from '@bellows/sdk';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHostLogger } from '../src/host-logger.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-logger-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function setUp() {
  const lines: string[] = [];
  const logger = createHostLogger({ level: 'info', logFolder: folder, console: { write: (text) => lines.push(text) } });
  return { logger, lines };
}

describe('the log of the host', () => {
  it('shows people the fields of a line, short, and keeps them whole in the file', async () => {
    const { logger, lines } = setUp();
    logger.child({ plugin: 'compute' }).warn('it failed', { operation: 'compute.invoke', text: `two words ${'x'.repeat(500)}`, count: 2 });
    logger.close();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d warn {2}\[compute\] it failed operation=compute\.invoke text="two words x+… count=2\n$/);
    expect(JSON.parse(await readFile(path.join(folder, 'host.log'), 'utf8'))).toMatchObject({
      msg: 'it failed',
      plugin: 'compute',
      count: 2,
    });
  });

  it('writes a line whose fields cannot be shown without them', () => {
    const { logger, lines } = setUp();
    const hostile = {
      get message(): string {
        throw new Error('no look');
      },
    };
    logger.error('it failed', { error: hostile });
    logger.close();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/error it failed unshown="no look"/);
  });

  it('writes more or less from one line to the next when its level is set, also for those who have it already', () => {
    const { logger, lines } = setUp();
    const child = logger.child({ plugin: 'compute' });
    const writeAll = () => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) child[level](level);
      return lines.splice(0).map((line) => line.trim().split(' ').at(-1));
    };
    expect(writeAll()).toEqual(['info', 'warn', 'error']);
    logger.setLevel('error');
    expect(writeAll()).toEqual(['error']);
    logger.setLevel('debug');
    expect(writeAll()).toEqual(['debug', 'info', 'warn', 'error']);
    logger.close();
  });

  it('shows the stack of a strange error, not that of one of ours, which says what to do', () => {
    const { logger, lines } = setUp();
    logger.error('strange', { error: new Error('kaputt') });
    logger.error('ours', { error: new ConfigError('CONFIG_INVALID', 'change it') });
    logger.close();
    expect(lines[0]).toContain('Error: kaputt\n    at ');
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d error ours\n$/);
  });

  it('lists every fault of an error that a line tells, the first one once, and not where the line only points to it', () => {
    const { logger, lines } = setUp();
    const details = ['a.yaml', 'b.yaml'].map((name) => ({ path: name, message: `unknown key in ${name}`, suggestion: 'retry' }));
    const message = 'Files cannot be used: a.yaml: unknown key in a.yaml (and 1 more, see details)';
    const error = new ConfigError('FILES_INVALID', message, { details, cause: new Error('why') });
    logger.error(`failed: ${message}`, { error });
    logger.error('failed (FILES_INVALID)', { error });
    logger.close();
    expect(lines[0]).toMatch(
      /error failed: Files cannot be used\n {2}a\.yaml: unknown key in a\.yaml; did you mean retry\?\n {2}b\.yaml: .*\n$/,
    );
    expect(lines[1]).toMatch(/error failed \(FILES_INVALID\)\n$/);
  });

  it('leaves out what is less important than asked for', () => {
    const { logger, lines } = setUp();
    logger.debug('detail');
    logger.close();
    expect(lines).toEqual([]);
  });
});
