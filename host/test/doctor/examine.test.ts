import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { CHECKS } from '../../src/doctor/checks.js';
import { examine } from '../../src/doctor/examine.js';
import { fail, ok, unknown, warn } from '../../src/doctor/finding.js';
import { probesWith } from './place.js';

describe('examine', () => {
  it('puts what is worst first and keeps the order of the checks else', async () => {
    const checks = [
      { id: 'a', run: async () => ok('a') },
      { id: 'b', run: async () => fail('b', 'mend b') },
      { id: 'c', run: async () => unknown('c') },
      { id: 'd', run: async () => warn('d', 'look at d') },
      { id: 'e', run: async () => fail('e', 'mend e') },
    ];
    const findings = await examine(probesWith(), checks);
    expect(findings.map(({ id }) => id).join('')).toBe('bedca');
    expect(findings[0]).toEqual({ id: 'b', state: 'fail', found: 'b', todo: 'mend b' });
  });

  it('bounds a check that hangs, and says of one that throws that it could not be checked', async () => {
    const clock = new FakeClock();
    const running = examine(probesWith({ clock }), [
      { id: 'hangs', run: () => new Promise(() => {}) },
      { id: 'throws', run: () => Promise.reject(new Error('EIO')) },
    ]);
    await clock.advance(60_000);
    expect(await running).toEqual([
      { id: 'hangs', state: 'warn', found: 'no answer within 10 s', todo: expect.any(String) },
      { id: 'throws', state: 'unknown', found: 'it could not be checked: EIO' },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('has all checks at once: on a good machine none fails', async () => {
    const findings = await examine(
      probesWith({ stat: async (file) => (file.endsWith('host.json') ? undefined : { isFolder: true, mode: 0o40700 }) }),
    );
    expect(findings).toHaveLength(CHECKS.length);
    expect(new Set(findings.map(({ id }) => id)).size).toBe(CHECKS.length);
    expect(findings.filter(({ state }) => state === 'fail')).toEqual([]);
  });

  it('goes on where the lock of the data folder cannot be read', async () => {
    const findings = await examine(probesWith({ isLocked: () => Promise.reject(new Error('EACCES')) }));
    expect(findings.find(({ id }) => id === 'data lock')).toMatchObject({ state: 'unknown' });
  });

  it('tells what to do with every warning and fault, on a machine where everything is wrong', async () => {
    const wrong = probesWith({
      nodeVersion: '18.0.0',
      cores: 1,
      memoryBytes: 1,
      tryFile: async () => 'EACCES',
      tryListen: async () => 'EADDRINUSE',
      isLocked: async () => true,
      run: async () => ({ how: 'missing' }),
      openFiles: async () => 10,
      fileSystem: async () => ({ type: 0x6969, freeBytes: 0, freeInodes: 0, inodes: 1 }),
      stat: async () => ({ isFolder: true, mode: 0o40777 }),
    });
    const findings = await examine(wrong);
    expect(findings.filter(({ state }) => state === 'fail').length).toBeGreaterThan(5);
    for (const { state, todo } of findings) expect(todo !== undefined).toBe(state === 'warn' || state === 'fail');
  });
});
