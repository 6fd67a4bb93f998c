import { describe, expect, it } from '@jest/globals';
import { descendants, isRunning } from './processes.js';
import { COMPUTE, HARNESS, type RunningHost, startHost, WORKFLOW, writeConfig } from './running-host.js';
import { until } from './until.js';
import { ADD, base64, SPIN } from './wasm-samples.js';

const plugins = (compute: object, harness: object = {}) => ({
  plugins: { compute: { from: COMPUTE, config: compute }, harness: { from: HARNESS, config: harness } },
});
const put = (host: RunningHost, name: string) => host.call('compute.put', { name, wasm: base64(ADD) });

/** Calls of compute, several at once, until it is told to end; answers what was not well. */
function underLoad(host: RunningHost) {
  let isOver = false;
  let well = 0;
  const others: string[] = [];
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const { status, json } = await host.call('compute.invoke', { module: 'add', export: 'add', args: [1, 2] });
      if (status === 200 && json.results[0] === 3) well += 1;
      else others.push(`${status} ${json.error?.code}`);
    }
  });
  return {
    more: async (what: string) => {
      const from = well;
      await until(what, () => well > from + 20);
    },
    end: async () => {
      isOver = true;
      await Promise.all(callers);
      return others;
    },
  };
}

describe('a plugin that is started again', () => {
  it('keeps no run from beginning that needs it: each is taken, waits, and completes', async () => {
    const host = await startHost({ config: { plugins: { compute: { from: COMPUTE }, workflow: { from: WORKFLOW } } } });
    await put(host, 'add');
    const input = { module: 'add', export: 'add', args: [1, 2] };
    await host.call('workflow.define', { json: { name: 'flow', stages: [{ name: 'sum', operation: 'compute.invoke', input }] } });
    let isOver = false;
    const ids: string[] = [];
    const others: string[] = [];
    // one at a time, and not as many as a fast machine could: each is looked at in the end
    const starting = (async () => {
      while (!isOver) {
        const { status, json } = await host.call('workflow.start', { name: 'flow', input: null });
        if (status === 200) ids.push(json.id);
        else others.push(`${status} ${json.error?.code}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let round = 0; round < 5; round += 1) expect(await host.bellows(['plugins', 'restart', 'compute'])).toMatchObject({ code: 0 });
    isOver = true;
    await starting;
    expect(others).toEqual([]);
    for (const id of ids) {
      const { json } = await host.call('workflow.wait', { id, timeoutMs: 30_000 });
      expect([id, json.status]).toEqual([id, 'completed']);
    }
    expect((await host.stop()).code).toBe(0);
  });
});

describe('options of the plugins, changed in a running host', () => {
  it('are taken over under load where they are live, all or none; others start the plugin again, and no call is lost', async () => {
    const host = await startHost({ config: plugins({ executors: 1 }) });
    await put(host, 'add');
    const load = underLoad(host);
    await load.more('calls before');
    const executors = descendants(host.pid);
    expect(executors.length).toBeGreaterThan(0);

    writeConfig(host.folder, plugins({ executors: 1, maxModuleBytes: 8 }, { maxAttempts: 1, scale: { maxWorkers: 2 } }));
    expect(await host.bellows(['reload'])).toMatchObject({ code: 0 });
    await load.more('calls after the live change');
    expect(await put(host, 'other')).toMatchObject({ json: { error: { message: expect.stringContaining('maxModuleBytes') } } });
    expect((await host.call('harness.metrics')).json.workers.limit).toBe(2);
    expect(executors.filter(isRunning)).toEqual(executors);

    // what harness refuses keeps compute from it too
    writeConfig(host.folder, plugins({ executors: 1 }, { scale: { scaleDownThreshold: 5 } }));
    const refused = await host.bellows(['reload']);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain('scaleDownThreshold 5 is not below scaleUpThreshold 2');
    expect((await put(host, 'other')).status).not.toBe(200);
    expect((await host.call('harness.metrics')).json.workers.limit).toBe(2);
    await load.more('calls after the refusal');
    expect(executors.filter(isRunning)).toEqual(executors);

    writeConfig(host.folder, plugins({ executors: 2 }));
    expect(await host.bellows(['reload'])).toMatchObject({ code: 0 });
    await load.more('calls after the restart');
    expect(executors.filter(isRunning)).toEqual([]);
    expect(await put(host, 'other')).toMatchObject({ status: 200 });
    // while compute starts again callers hear that it comes back, and nothing else
    expect((await load.end()).filter((answer) => answer !== '503 OPERATION_STOPPING')).toEqual([]);
    expect((await host.stop()).code).toBe(0);
  });

  it('make queues shorter and longer than they were at the start, also when a later change is refused', async () => {
    const host = await startHost({ config: plugins({ maxQueueDepth: 50, maxConcurrentOperations: 1 }) });
    await host.call('compute.put', { name: 'spin', wasm: base64(SPIN) });
    const depth = async () => {
      const { json } = await host.request('/v1/status');
      return json.subsystems.find(({ name }: { name: string }) => name === 'compute.wasm').limits.maxQueueDepth;
    };
    const refusedOf = async (count: number) => {
      const call = { module: 'spin', export: 'spin', deadlineMs: 300 };
      const answers = await Promise.all(Array.from({ length: count }, () => host.call('compute.invoke', call)));
      return answers.filter(({ json }) => json.error.code === 'CAPACITY').length;
    };
    const change = async (maxQueueDepth: number, harness: object = {}) => {
      writeConfig(host.folder, plugins({ maxQueueDepth, maxConcurrentOperations: 1 }, harness));
      return (await host.bellows(['reload'])).code;
    };
    await until('the governor to have said something', async () => (await host.request('/v1/decisions')).json.decisions.length > 0);
    expect(await change(1)).toBe(0);
    expect(await depth()).toBe(1);
    expect(await refusedOf(20)).toBeGreaterThan(5);
    expect(await change(100)).toBe(0);
    expect([await depth(), await refusedOf(80)]).toEqual([100, 0]);
    expect(await change(2, { scale: { scaleDownThreshold: 5 } })).not.toBe(0);
    expect([await depth(), await refusedOf(20)]).toEqual([100, 0]);
    expect((await host.stop()).code).toBe(0);
  });
});
