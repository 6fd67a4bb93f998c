import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProcessIdentity } from '../../src/jobs/session-contracts.js';
import { until } from '../running-harness.js';
import { living, TestCommands } from './test-commands.js';

const HOST = fileURLToPath(new URL('./programs/host.mjs', import.meta.url));

let test: TestCommands;
let host: ChildProcess | undefined;
beforeEach(async () => {
  test = await TestCommands.make();
});
afterEach(async () => {
  host?.kill('SIGKILL');
  host = undefined;
  await test[Symbol.asyncDispose]();
});

/** What a host left that was killed while `script` ran. */
async function orphan(script: string): Promise<{ identity: ProcessIdentity; sessionId: string }> {
  const sessionId = test.session();
  const spec = test.spec(['sh', '-c', script], { sessionId });
  const killed = spawn(process.execPath, [HOST, JSON.stringify(spec)], { stdio: ['ignore', 'pipe', 'inherit'] });
  host = killed;
  const identity = JSON.parse(String(await new Promise((resolve) => killed.stdout.once('data', resolve)))) as ProcessIdentity;
  await until(() => test.has('ready'));
  const gone = new Promise((resolve) => killed.once('exit', resolve));
  killed.kill('SIGKILL');
  await gone;
  return { identity, sessionId };
}

const STAYS = 'trap "" TERM; echo x >ready; while :; do sleep 0.05; done';

describe('what a killed host left', () => {
  it('lives on, and is ended with its descendants by the next one', async () => {
    const { identity, sessionId } = await orphan(`setsid sh -c 'sleep 60' & ${STAYS}`);
    expect((await living(sessionId)).map(({ pid }) => pid)).toContain(identity.pid);
    expect(await test.commands.endOrphan(identity, sessionId)).toBeGreaterThanOrEqual(2);
    expect(await living(sessionId)).toEqual([]);
    expect(await test.commands.endOrphan(identity, sessionId)).toBe(0);
  });

  it('is found by its session alone', async () => {
    const { sessionId } = await orphan(STAYS);
    expect(await test.commands.endOrphan(null, sessionId)).toBeGreaterThanOrEqual(1);
    expect(await living(sessionId)).toEqual([]);
  });

  it('is found when the leader has ended and its number is that of another', async () => {
    const { sessionId } = await orphan(`sh -c '${STAYS}' & until [ -e ready ]; do sleep 0.01; done`);
    const other = await test.shell('sleep 60');
    expect(await test.commands.endOrphan({ pid: other.identity.pid, startedAt: 'before' }, sessionId)).toBeGreaterThanOrEqual(1);
    expect(await living(sessionId)).toEqual([]);
    expect((await other.evidence()).progressAgeMs).toBeGreaterThan(0);
    process.kill(other.identity.pid, 0);
    await other.end('stopped');
  });

  it('is found by its identity when it cleared its environment', async () => {
    const { identity, sessionId } = await orphan("exec env -i sh -c 'echo x >ready; exec sleep 60'");
    expect(await living(sessionId)).toEqual([]);
    expect(await test.commands.endOrphan({ ...identity, startedAt: 'another boot' }, sessionId)).toBe(0);
    expect(await test.commands.endOrphan(identity, sessionId)).toBe(1);
  });

  it('is not what runs here under the same session', async () => {
    const sessionId = test.session();
    const command = await test.shell('sleep 60', { sessionId });
    expect(await test.commands.endOrphan(command.identity, sessionId)).toBe(0);
    await command.end('stopped');
  });

  it('is never the host itself', async () => {
    // a host that was started within a session carries it
    const { tail, exitCode } = await (
      await test.start([
        process.execPath,
        '--input-type=module',
        '-e',
        ENDS_ITS_OWN_SESSION,
        new URL('../../dist/agent/commands.js', import.meta.url).href,
      ])
    ).ended;
    expect({ tail, exitCode }).toEqual({ tail: 'alive\n', exitCode: 0 });
  });
});

const ENDS_ITS_OWN_SESSION = `
  const { Commands } = await import(process.argv[1]);
  const { spawn } = await import('node:child_process');
  const stays = setInterval(() => {}, 60_000);
  const child = spawn('sleep', ['60']);
  child.once('exit', () => { console.log('alive'); process.exit(0); });
  await new Commands().endOrphan(null, process.env.BELLOWS_SESSION);
`;
