import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { HostClient } from '../../src/cli/host-client.js';
import { forEachAtOnce } from '../../src/demo/demo-work.js';
import { ProgressView } from '../../src/demo/progress-view.js';
import { HostWatch } from '../../src/demo/watch-host.js';

class StatusOnly extends HostClient {
  constructor() {
    super({ url: 'http://127.0.0.1:1', signal: new AbortController().signal });
  }

  override async get<T>(): Promise<T> {
    const metrics = { inUse: 2, 'completed.total': 7 };
    const compute = { name: 'compute.wasm', metrics, limits: { maxConcurrentOperations: 3 }, ceiling: 4, policy: { floor: 1 } };
    return { machine: { cores: 2 }, subsystems: [compute] } as T;
  }
}

function watch(work: () => string) {
  const clock = new FakeClock();
  const progress = new ProgressView({ write: () => {} }, { clock, env: {} });
  const said = { compute: work, workflow: () => 'nothing', harness: () => 'nothing' };
  return { clock, host: new HostWatch({ client: new StatusOnly(), clock, progress, said, stuckMs: 5_000 }) };
}

describe('HostWatch', () => {
  it('knows the most that was at once, and whether more is given than at rest', async () => {
    const { host } = watch(() => '1 of 2');
    await host.look();
    expect([host.most('compute'), host.most('harness'), host.cores, host.isAtRest]).toEqual([2, 0, 2, false]);
  });

  it('gives up when nothing has got on for so long, and says where it stands', async () => {
    const { clock, host } = watch(() => '1 of 2');
    const watching = host.run(new AbortController().signal);
    watching.catch(() => {});
    await clock.advance(6_000);
    await expect(watching).rejects.toMatchObject({ code: 'DEMO_STUCK', message: expect.stringContaining('compute: 1 of 2') });
  });

  it('goes on as long as anything gets on, until it is told to end', async () => {
    let done = 0;
    const { clock, host } = watch(() => `${(done += 1)} of 100`);
    const end = new AbortController();
    const watching = host.run(end.signal);
    await clock.advance(30_000);
    end.abort();
    await expect(watching).resolves.toBeUndefined();
  });
});

describe('forEachAtOnce', () => {
  async function* numbers(count: number) {
    for (let number = 0; number < count; number++) yield number;
  }

  it('does everything once, never more than so many at once', async () => {
    const seen: number[] = [];
    let [now, most] = [0, 0];
    await forEachAtOnce(3, numbers(20), async (number) => {
      most = Math.max(most, (now += 1));
      await new Promise(setImmediate);
      seen.push(number);
      now -= 1;
    });
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_one, index) => index));
    expect(most).toBe(3);
  });

  it('begins nothing more after an error, lets what is under way end, and rejects with it', async () => {
    const begun: number[] = [];
    let ended = 0;
    const running = forEachAtOnce(2, numbers(20), async (number) => {
      begun.push(number);
      if (number === 1) throw new Error('the second');
      await new Promise(setImmediate);
      ended += 1;
    });
    await expect(running).rejects.toThrow('the second');
    expect([begun, ended]).toEqual([[0, 1], 1]);
  });
});
