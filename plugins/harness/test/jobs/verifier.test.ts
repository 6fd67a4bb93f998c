import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { Verifier } from '../../src/jobs/verifier.js';
import { until } from '../running-harness.js';
import { FakeCommands } from './fake-services.js';

function setUp(permits: number) {
  const commands = new FakeCommands();
  commands.verificationsWait = true;
  const verifier = new Verifier({ commands, clock: new FakeClock(), permits, timeoutMs: 1_000, graceMs: 0, maxOutputBytes: 4_096 });
  const verify = (tree: string, more: { readonly holdsTheBranch?: boolean; readonly signal?: AbortSignal } = {}) =>
    verifier.verify({
      ...{ sessionId: tree, repo: '/repo', tree, command: ['check'], cwd: '/', env: {}, logFile: '/dev/null' },
      signal: new AbortController().signal,
      ...more,
    });
  return { commands, verify, begun: () => commands.verifications.map(({ spec }) => spec.sessionId) };
}

describe('a verifier', () => {
  it('lets who holds the branch wait for those that run and one more, not for all that came before', async () => {
    const { commands, verify, begun } = setUp(1);
    const own = ['a', 'b', 'c', 'd', 'e', 'f'].map((tree) => verify(tree));
    await until(() => begun().length === 1);
    const landing = verify('merged', { holdsTheBranch: true });
    for (let count = 1; count <= 7; count += 1) {
      await until(() => begun().length === count);
      commands.verifications[count - 1]?.exit();
    }
    expect((await landing).passed).toBe(true);
    await Promise.all(own);
    expect(begun().indexOf('merged')).toBeLessThanOrEqual(2);
    expect([...begun()].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'merged']);
  });

  it('runs as many at once as there are permits, and loses none to those that give up', async () => {
    const { commands, verify, begun } = setUp(2);
    const aborter = new AbortController();
    const running = [verify('a'), verify('b')];
    await until(() => begun().length === 2);
    const gone = ['c', 'd'].map((tree) => verify(tree, { signal: aborter.signal }).catch(() => 'gone'));
    const landing = verify('merged', { holdsTheBranch: true, signal: aborter.signal }).catch(() => 'gone');
    aborter.abort(new Error('given up'));
    expect(await Promise.all([...gone, landing])).toEqual(['gone', 'gone', 'gone']);
    const last = [verify('e'), verify('f')];
    for (const command of [...commands.verifications]) command.exit();
    await until(() => begun().length === 4);
    for (const command of [...commands.verifications]) command.exit();
    await Promise.all([...running, ...last]);
    expect(begun()).toEqual(['a', 'b', 'e', 'f']);
  });
});
