import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type EventStream, openEventStream } from './event-stream.js';
import { descendants, isRunning } from './processes.js';
import { COMPUTE, GREETER, type RunningHost, startHost } from './running-host.js';
import { until } from './until.js';
import { ADD, base64, SPIN } from './wasm-samples.js';

/** Architecture's data path, end to end: each test is one step and stands on the ones before it. */
describe('the path from a config file to an explained decision', () => {
  let host: RunningHost;
  let stream: EventStream;

  beforeAll(async () => {
    host = await startHost({
      config: `# written by hand, as an operator would
host: { port: 0, dataDir: .bellows }
governor:
  sampleMs: 50
  periodMs: 100
  subsystems:
    compute.wasm: { weight: 1, floor: 1, ceiling: 8, criticality: critical }
plugins:
  compute: { from: ${COMPUTE} }
  greeter: { from: ${GREETER}, config: { salutation: Good day } }
`,
    });
  });

  it('starts with every plugin active and says so', async () => {
    const ready = await host.request('/ready');
    expect(ready.status).toBe(200);
    expect(ready.json.ready).toBe(true);
    const states = ready.json.plugins.map(({ id, state }: { id: string; state: string }) => [id, state]).sort();
    expect(states).toEqual([
      ['compute', 'active'],
      ['greeter', 'active'],
    ]);
    expect((await host.request('/health')).status).toBe(200);
  });

  it('keeps its token to its user', () => {
    const file = path.join(host.dataDir, 'host.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: host.pid, url: host.url, startedAt: expect.anything() });
    expect(host.token.length).toBeGreaterThanOrEqual(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('takes a real module and runs it', async () => {
    const put = await host.call('compute.put', { name: 'adder', wasm: base64(ADD) });
    expect([put.status, put.json]).toEqual([
      200,
      expect.objectContaining({ name: 'adder', bytes: ADD.length, exports: expect.anything() }),
    ]);
    const invoked = await host.call('compute.invoke', { module: 'adder', export: 'add', args: [40, 2] });
    expect([invoked.status, invoked.json]).toEqual([
      200,
      expect.objectContaining({ results: [42], pool: expect.stringMatching(/^(warm|cold|overflow)$/) }),
    ]);
  });

  it('takes a module as an upload too', async () => {
    const sent = await host.request('/v1/files', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${host.token}` },
      body: ADD,
    });
    expect(sent.status).toBe(200);
    const put = await host.call('compute.put', { name: 'uploaded', wasm: sent.json.url });
    expect([put.status, put.json.name]).toEqual([200, 'uploaded']);
  });

  it('runs guests in processes of their own', async () => {
    const executors = await until('an executor process', () => {
      const below = descendants(host.pid);
      return below.length > 0 && below;
    });
    expect(executors.every(isRunning)).toBe(true);
  });

  it('streams the metrics of compute', async () => {
    stream = await openEventStream(host.url, ['metrics', 'decision', 'reconfigure']);
    const event = await stream.next(
      'metrics of compute',
      ({ event: topic, data }) => topic === 'metrics' && data.payload.subsystem === 'compute.wasm',
    );
    expect(event.data).toMatchObject({ topic: 'metrics', source: expect.any(String), version: 1 });
    expect(Number(event.id)).toBe(event.data.id);
    expect(event.data.payload.values['completed.total']).toBeGreaterThanOrEqual(1);
    expect(event.data.payload.limits.maxConcurrentOperations).toBeGreaterThanOrEqual(1);
  });

  it('decides under load, applies the decision and reports it', async () => {
    await host.call('compute.put', { name: 'spinner', wasm: base64(SPIN) });
    let isDecided = false;
    const load = Array.from({ length: 12 }, async () => {
      while (!isDecided) await host.call('compute.invoke', { module: 'spinner', export: 'spin', deadlineMs: 500 });
    });
    const decided = await stream
      .next('an applied decision', ({ event, data }) => event === 'decision' && data.payload.outcome === 'applied')
      .finally(() => {
        isDecided = true;
      });
    const { subsystem, from, to, reason, limitedBy, id } = decided.data.payload;
    expect(subsystem).toBe('compute.wasm');
    expect(to).not.toBe(from);
    expect(reason.length).toBeGreaterThan(10);
    expect(limitedBy.length).toBeGreaterThan(0);
    const reported = await stream.next('its report', ({ event, data }) => event === 'reconfigure' && data.payload.decisionId === id);
    expect(reported.data.payload).toMatchObject({ subsystem: 'compute.wasm', reason });
    expect(reported.data.payload.to.maxConcurrentOperations).toBe(to);
    await Promise.all(load);
  });

  it('keeps the decisions with their reasons', async () => {
    const answer = await host.request('/v1/decisions?subsystem=compute.wasm&limit=1');
    expect(answer.status).toBe(200);
    const [newest] = answer.json.decisions ?? answer.json;
    expect(newest).toMatchObject({ subsystem: 'compute.wasm', limitedBy: expect.any(String), reason: expect.any(String) });
  });

  it('explains which limit binds, and why', async () => {
    const asJson = await host.bellows(['explain', 'compute.wasm', '--json']);
    expect([asJson.code, asJson.stderr]).toEqual([0, '']);
    const { binding, decisions } = JSON.parse(asJson.stdout);
    expect(binding).toEqual({ limitedBy: expect.stringMatching(/^[a-z]+$/), reason: expect.stringMatching(/\d+ /) });
    expect(decisions.map(({ subsystem }: { subsystem: string }) => subsystem)).toContain('compute.wasm');
    const { code, stdout } = await host.bellows(['explain', 'compute.wasm']);
    expect(code).toBe(0);
    // the demand may have changed between the two, so the words and not the numbers are compared
    expect(stdout).toMatch(/^ +limit +\d+ concurrent operations; the governor allows \d+$/m);
    expect(stdout).toMatch(/^ +limited by +[a-z]+: .*\d/m);
  });

  it('gives a reader that comes back what it has missed', async () => {
    const decisions = stream.events.filter(({ event }) => event === 'decision');
    const [first, ...later] = decisions;
    const { id = '' } = first ?? {};
    using again = await openEventStream(host.url, ['decision'], { 'last-event-id': id });
    for (const { id: missed } of later) await again.next(`the event ${missed}`, (event) => event.id === missed);
    expect(again.events.every((event) => Number(event.id) > Number(id))).toBe(true);
  });

  it('shows the path in its metrics', async () => {
    const { status, text } = await host.request('/metrics');
    expect(status).toBe(200);
    for (const name of [
      'bellows_operation_duration_seconds',
      'bellows_subsystem_limit',
      'bellows_plugin_state',
      'bellows_decisions_total',
    ]) {
      expect(text).toContain(name);
    }
  });

  it('describes its operations as OpenAPI', async () => {
    const { json } = await host.request('/openapi.json');
    expect(json.openapi).toMatch(/^3\./);
    expect(Object.keys(json.paths)).toEqual(expect.arrayContaining(['/v1/operations/compute.invoke', '/v1/operations/greeter.greet']));
  });

  it('stops in order, exits with 0 and leaves nothing behind', async () => {
    const below = descendants(host.pid);
    stream[Symbol.dispose]();
    const exit = await host.stop();
    expect([exit.code, exit.signal]).toEqual([0, null]);
    expect(below.filter(isRunning)).toEqual([]);
    expect(existsSync(path.join(host.dataDir, 'host.json'))).toBe(false);
    expect(readdirSync(host.dataDir).filter((name) => name.endsWith('-journal') || name.endsWith('.tmp'))).toEqual([]);
  });
});
