import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type RunningHost, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';

/** A plugin whose one operation leaves a line in a file each time it does its work. */
function place() {
  const folder = tempFolder('bellows-keys');
  const file = path.join(folder, 'work.txt');
  const from = writePlugin(folder, {
    id: 'work',
    activate: `
    const { appendFileSync, readFileSync } = await import('node:fs');
    const input = sdk.z.strictObject({ item: sdk.z.string(), waitMs: sdk.z.number().default(0) });
    ctx.operations.provide({ name: 'work.do', summary: 'Does it.', input, output: sdk.z.unknown(), handler: async ({ item, waitMs }) => {
      appendFileSync(${JSON.stringify(file)}, item + '\\n');
      await ctx.clock.sleep(waitMs);
      if (item === 'fault') throw new sdk.GuestError('BROKE', 'It broke.');
      return { item, done: readFileSync(${JSON.stringify(file)}, 'utf8').split('\\n').length - 1 };
    } });`,
  });
  const start = () => startHost({ folder, config: { plugins: { work: { from } } } });
  const timesDone = (item: string) =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line === item).length
      : 0;
  return { start, timesDone };
}

const call = (host: RunningHost, item: string, more: { readonly waitMs?: number; readonly key?: string } = {}) =>
  host.call('work.do', { item, ...(more.waitMs === undefined ? {} : { waitMs: more.waitMs }) }, { 'idempotency-key': more.key ?? item });

describe('a call with an idempotency key', () => {
  it('is not done again after a kill -9, once it was answered', async () => {
    const { start, timesDone } = place();
    const host = await start();
    const first = [await call(host, 'one'), await call(host, 'fault')];
    expect(first.map(({ status }) => status)).toEqual([200, 422]);
    await host.stop('SIGKILL');
    const again = await start();
    const repeated = [await call(again, 'one'), await call(again, 'fault')];
    expect(repeated.map(({ status, json }) => [status, json.error?.code ?? json])).toEqual(
      first.map(({ status, json }) => [status, json.error?.code ?? json]),
    );
    expect((await call(again, 'two', { key: 'one' })).json.error.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect([timesDone('one'), timesDone('fault'), timesDone('two')]).toEqual([1, 1, 0]);
  });

  it('is done once or twice, and answered, when the host is killed in the middle of many', async () => {
    const { start, timesDone } = place();
    const host = await start();
    const items = Array.from({ length: 40 }, (_, n) => `item-${n}`);
    const answered = new Set<string>();
    const calls = items.map(async (item, n) => {
      // Half of them still work when the host goes.
      const { status } = await call(host, item, { waitMs: n % 2 === 0 ? 0 : 60_000 });
      if (status === 200) answered.add(item);
    });
    await until('half of the answers, and work at the others', () => answered.size === 20 && timesDone('item-1') === 1);
    await host.stop('SIGKILL');
    await Promise.allSettled(calls);
    const again = await start();
    for (const [n, item] of items.entries()) {
      if (n % 2 === 0) expect((await call(again, item, { waitMs: 0 })).status).toBe(200);
    }
    // The others are done anew; their input must be the same, so this one takes long.
    const anew = call(again, 'item-1', { waitMs: 60_000 }).catch(() => undefined);
    await until('work at what was not answered', () => timesDone('item-1') === 2);
    await again.stop('SIGKILL');
    await anew;
    expect([...answered].map(timesDone)).toEqual([...answered].map(() => 1));
  });

  it('works from the command line', async () => {
    const { start, timesDone } = place();
    const host = await start();
    const args = ['call', 'work.do', '{"item":"x"}', '--idempotency-key', 'k'];
    const [first, second] = [await host.bellows(args), await host.bellows(args)];
    expect([first.code, second.code, second.stdout, timesDone('x')]).toEqual([0, 0, first.stdout, 1]);
    const other = await host.bellows(['call', 'work.do', '{"item":"y"}', '--idempotency-key', 'k']);
    expect([other.code, other.stderr]).toEqual([4, expect.stringContaining('IDEMPOTENCY_KEY_REUSED')]);
  });
});
