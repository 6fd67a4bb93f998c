import { describe, expect, it } from '@jest/globals';
import type { NamedFinding } from '../../src/doctor/finding.js';
import { bellows, type Terminal } from './terminal.js';

const GOOD: NamedFinding = { id: 'node', state: 'ok', found: 'Node.js 26.10.0' };
const BAD: NamedFinding = { id: 'data folder', state: 'fail', found: '/data cannot be written (EACCES)', todo: 'Mend its rights.' };
const ODD: NamedFinding = { id: 'git', state: 'warn', found: 'evil \u001b[2J text', todo: 'Look.' };

const doctor = (findings: readonly NamedFinding[], argv: readonly string[] = [], terminal: Terminal = {}) =>
  bellows(['doctor', ...argv], { ...terminal, deps: { examine: async () => findings } });

describe('bellows doctor', () => {
  it('ends with 0 when nothing fails, with 1 when something does', async () => {
    expect(await doctor([GOOD])).toMatchObject({ code: 0, stdout: expect.stringContaining('A host can run here.') });
    expect(await doctor([ODD, GOOD])).toMatchObject({ code: 0, stdout: expect.stringContaining('A host can run here, 1 warning.') });
    expect(await doctor([BAD, ODD, GOOD])).toMatchObject({ code: 1, stdout: expect.stringContaining('1 fault, 1 warning.') });
  });

  it('aligns what it found and puts what to do below', async () => {
    const { stdout } = await doctor([BAD, GOOD]);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'fail     data folder  /data cannot be written (EACCES)',
      '                      > Mend its rights.',
      'ok       node         Node.js 26.10.0',
    ]);
  });

  it('keeps to the width of a terminal and sends it no control characters', async () => {
    const long = { ...BAD, found: 'word '.repeat(60).trim(), todo: 'do '.repeat(60).trim() };
    const { stdout } = await doctor([long, ODD], [], { isTTY: true, columns: 60 });
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
    expect(stdout).not.toContain('\u001b');
  });

  it('prints the same as JSON', async () => {
    const { json, code } = await doctor([BAD, ODD, GOOD], ['--json']);
    expect(code).toBe(1);
    expect(json).toEqual({ ok: false, counts: { fail: 1, warn: 1, unknown: 0, ok: 1 }, findings: [BAD, ODD, GOOD] });
  });

  it('hands on the folders it was given, and refuses what it does not know', async () => {
    let asked: unknown;
    const examine = async (options: unknown) => {
      asked = options;
      return [GOOD];
    };
    await bellows(['doctor', '--config', 'x.yaml', '--data', '/d'], { deps: { examine } });
    expect(asked).toMatchObject({ configFile: 'x.yaml', dataDir: '/d' });
    expect(await bellows(['doctor', 'me'], { deps: { examine } })).toMatchObject({ code: 2 });
    expect(await bellows(['doctor', '--fix'], { deps: { examine } })).toMatchObject({ code: 2 });
  });

  it('ends as interrupted when it was interrupted', async () => {
    expect(await doctor([], [], { signal: AbortSignal.abort() })).toMatchObject({ code: 130, stdout: '' });
  });
});
