import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from './http-client.js';
import { descendants, isRunning, killAll } from './processes.js';
import { COMPUTE, type RunningHost, startHost } from './running-host.js';
import { until } from './until.js';
import { ADD, BIG_MEMORY, BOOM, base64, SPIN, START_TRAPS, UNKNOWN_IMPORT } from './wasm-samples.js';

let host: RunningHost;
const put = (name: string, bytes: Uint8Array) => host.call('compute.put', { name, wasm: base64(bytes) });
const codeOf = ({ status, json }: Answer) => [status, json.error?.code];

beforeAll(async () => {
  host = await startHost({ config: { plugins: { compute: { from: COMPUTE } } } });
  await put('adder', ADD);
  await put('spinner', SPIN);
  await put('boom', BOOM);
});

describe('a module that cannot work', () => {
  it('is refused when it is no wasm', async () => {
    expect(codeOf(await put('text', Buffer.from('just some text')))).toEqual([400, 'MODULE_INVALID']);
    expect(codeOf(await put('nothing', new Uint8Array()))).toEqual([
      expect.any(Number),
      expect.stringMatching(/MODULE_INVALID|INPUT_INVALID/),
    ]);
    expect(codeOf(await put('half', ADD.subarray(0, ADD.length - 3)))).toEqual([400, 'MODULE_INVALID']);
  });

  it('is refused when it came as an upload and is no wasm', async () => {
    const sent = await host.request('/v1/files', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${host.token}` },
      body: 'no module either',
    });
    expect(codeOf(await host.call('compute.put', { name: 'uploaded', wasm: sent.json.url }))).toEqual([400, 'MODULE_INVALID']);
  });

  it('is refused when it is neither base64 nor an upload of this host', async () => {
    for (const wasm of ['***', '/v1/files/0000', 'https://example.org/a.wasm']) {
      const { status } = await host.call('compute.put', { name: 'odd', wasm });
      expect([wasm, status >= 400 && status < 500]).toEqual([wasm, true]);
    }
  });

  it('is refused when it needs what nobody provides, and the import is named', async () => {
    const answer = await put('needy', UNKNOWN_IMPORT);
    const failed = answer.status === 200 ? await host.call('compute.invoke', { module: 'needy', export: 'f' }) : answer;
    expect(codeOf(failed)).toEqual([400, 'IMPORT_UNKNOWN']);
    expect(JSON.stringify(failed.json)).toContain('nobody_has_this');
  });

  it('is refused when it declares more memory than it may have', async () => {
    expect(codeOf(await put('big', BIG_MEMORY))).toEqual([422, 'MEMORY_LIMIT']);
  });

  it('fails with its own error when it dies in its start function', async () => {
    const answer = await put('stillborn', START_TRAPS);
    const failed = answer.status === 200 ? await host.call('compute.invoke', { module: 'stillborn', export: 'never' }) : answer;
    expect(codeOf(failed)).toEqual([422, 'TRAP']);
  });

  it('fails with the kind of its trap', async () => {
    const answer = await host.call('compute.invoke', { module: 'boom', export: 'boom' });
    expect(codeOf(answer)).toEqual([422, 'TRAP']);
    expect(JSON.stringify(answer.json)).toMatch(/unreachable/i);
  });

  it('is told apart from a name nobody put', async () => {
    expect(codeOf(await host.call('compute.invoke', { module: 'never-put' }))).toEqual([404, 'MODULE_UNKNOWN']);
  });

  it('is stopped at its deadline', async () => {
    expect(codeOf(await host.call('compute.invoke', { module: 'spinner', export: 'spin', deadlineMs: 60 }))).toEqual([
      504,
      'DEADLINE_EXCEEDED',
    ]);
  });

  it('hurts nobody else', async () => {
    expect((await host.call('compute.invoke', { module: 'adder', export: 'add', args: [1, 2] })).json.results).toEqual([3]);
  });
});

describe('an executor that is killed in the middle of a call', () => {
  // No deadline that a slow machine could come to: each of these calls ends in another way.
  const LONG_MS = 110_000;
  const spin = { module: 'spinner', export: 'spin', deadlineMs: LONG_MS };

  it('costs only its call, and the next ones work', async () => {
    // as many as a machine with one core runs at once
    const doomed = host.call('compute.invoke', spin);
    await until('the call to run', async () => (await running()) === 1);
    const before = descendants(host.pid);
    expect(before.length).toBeGreaterThan(0);
    killAll(before);

    expect(codeOf(await doomed)).toEqual([503, 'EXECUTOR_LOST']);
    const next = await host.call('compute.invoke', { module: 'adder', export: 'add', args: [20, 22] });
    expect([next.status, next.json.results]).toEqual([200, [42]]);
    // those that had nothing to do may end a moment later
    await until('the end of all that were killed', () => !before.some(isRunning));
    expect((await host.request('/ready')).status).toBe(200);
  });

  it('costs not even that when it may be repeated', async () => {
    const abort = new AbortController();
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'repeat-me' };
    const repeatable = { method: 'POST', headers, body: JSON.stringify(spin), signal: abort.signal };
    const outcome = host.request('/v1/operations/compute.invoke', repeatable).then(codeOf, (error: Error) => error.name);
    await until('the call to run', async () => (await running()) === 1);
    const lost = (await metrics())['executors.lost.total'];
    const killed = descendants(host.pid);
    killAll(killed);
    // one that is killed before it is up counts as no loss, so that their number is not known
    await until('the end of all that were killed', () => !killed.some(isRunning));
    await until('the host to know', async () => (await metrics())['executors.lost.total'] > lost);
    const next = await host.call('compute.invoke', { module: 'adder', export: 'add', args: [20, 22] });
    expect([next.status, next.json.results]).toEqual([200, [42]]);
    await until('the call to run in another one', async () => (await running()) === 1);
    abort.abort();
    expect(await outcome).toBe('AbortError'); // nothing was answered before
    await until('its end', async () => (await metrics()).demand === 0);
  });
});

describe('executors none of which stays up', () => {
  it('leave compute degraded, with the reason, until one does, and the host ready', async () => {
    const add = () => host.call('compute.invoke', { module: 'adder', export: 'add', args: [1, 2] });
    const state = async () => {
      const { status, json } = await host.request('/ready');
      const [{ state, reason }] = json.plugins;
      return `${status} ${state} ${reason}`;
    };
    // none lives as long as its start takes
    const killing = setInterval(() => killAll(descendants(host.pid)), 5);
    try {
      await until('calls to be refused', async () => codeOf(await add()).includes('EXECUTORS_FAILING'));
      await until('compute to say so', async () => (await state()) === '200 degraded EXECUTORS_FAILING');
    } finally {
      clearInterval(killing);
    }
    await until('one to stay up', async () => (await state()) === '200 active ACTIVE');
    expect((await add()).json.results).toEqual([3]);
  });
});

type Metrics = Readonly<Record<'demand' | 'inUse' | 'executors.waiting' | 'executors.lost.total', number>>;

async function metrics(): Promise<Metrics> {
  const { json } = await host.request('/v1/status');
  return json.subsystems.find(({ name }: { name: string }) => name === 'compute.wasm').metrics;
}

/** Calls that an executor has in hand; one that still waits for a process is not lost with it. */
function runningOf(metrics: Metrics): number {
  return metrics.inUse - metrics['executors.waiting'];
}

async function running(): Promise<number> {
  return runningOf(await metrics());
}
