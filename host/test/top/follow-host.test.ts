import { NotReadyError } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import type { HostClient } from '../../src/cli/host-client.js';
import { followHost } from '../../src/top/follow-host.js';
import type { TopData } from '../../src/top/top-data.js';
import { status } from './samples.js';

/** A host whose status is answered as the test says, and which has no events. */
function clientOf(answer: () => Promise<unknown>): HostClient {
  return {
    origin: 'http://127.0.0.1:7070',
    get: (path: string) => (path === '/v1/status' ? answer() : Promise.resolve({ decisions: [] })),
    async *events() {
      await new Promise(() => {});
    },
  } as unknown as HostClient;
}

function following(answers: () => Promise<unknown>) {
  const clock = new FakeClock();
  const over = new AbortController();
  const seen: TopData[] = [];
  const connections: number[] = [];
  const ended = followHost({
    connect: async () => {
      connections.push(clock.monotonicMs());
      return clientOf(answers);
    },
    clock,
    intervalMs: 1_000,
    signal: over.signal,
    onData: (data) => seen.push(data),
  });
  return { clock, seen, connections, ended, stop: () => over.abort(), last: () => seen.at(-1) };
}

describe('following a host', () => {
  it('reads the status again and again, and stops at once', async () => {
    const { clock, last, ended, stop } = following(async () => status());
    await clock.advance(3_500);
    expect(last()?.tracks.get('demo.pool')?.history).toHaveLength(4);
    stop();
    await ended;
    expect(clock.pending).toBe(0);
  });

  it('takes a host that hangs for lost, and one that answers again for back', async () => {
    let hangs = false;
    const { clock, last, ended, stop } = following(() => (hangs ? new Promise(() => {}) : Promise.resolve(status())));
    await clock.advance(1_500);
    hangs = true;
    await clock.advance(6_000);
    expect(last()?.connection).toMatchObject({ state: 'lost', reason: expect.stringContaining('not answered within 5 s') });
    expect(last()?.status).toBeDefined();
    hangs = false;
    await clock.advance(10_000);
    expect(last()?.connection).toEqual({ state: 'live' });
    stop();
    await ended;
  });

  it('tries again with pauses that grow to five seconds, and begins anew when it worked', async () => {
    let isThere = true;
    const gone = () =>
      Promise.reject(new NotReadyError('HOST_UNREACHABLE', 'No host answered (ECONNREFUSED): start one with "bellows start".'));
    const { clock, connections, last, ended, stop } = following(() => (isThere ? Promise.resolve(status()) : gone()));
    await clock.advance(500);
    isThere = false;
    await clock.advance(30_000);
    expect(connections.map((at, index) => at - (connections[index - 1] ?? at))).toEqual([
      0, 1_500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000,
    ]);
    expect(last()?.connection).toEqual({ state: 'lost', reason: 'No host answered (ECONNREFUSED)' });
    stop();
    await ended;
  });

  it('fails when the first connection does', async () => {
    const { ended } = following(() => Promise.reject(new NotReadyError('HOST_UNREACHABLE', 'nobody there')));
    await expect(ended).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    const { ended: other } = following(async () => 'hello');
    await expect(other).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', message: expect.stringContaining('no Bellows host') });
  });

  it('forgets the history of a host that was started again', async () => {
    let startedAt = 1;
    const { clock, last, ended, stop } = following(async () => status({ startedAt }));
    await clock.advance(3_500);
    startedAt = 2;
    await clock.advance(1_000);
    expect(last()?.tracks.get('demo.pool')).toMatchObject({ history: [4], rates: undefined });
    stop();
    await ended;
  });
});
