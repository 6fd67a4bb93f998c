// Calls operations from inside the host, as any plugin would, and reports how long that took.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { definePlugin, z } from '@bellows/sdk';
import { timeCalls, timeCount } from '../time-calls.mjs';
import { timeOverhead } from '../time-overhead.mjs';

const amount = z.int().min(1);
const timings = { count: z.int(), perSecond: z.number(), p50Ms: z.number(), p99Ms: z.number() };
const countTimings = z.strictObject({ ...timings, cpuUs: z.number(), tookMs: z.number() });
/** How long one `workflow.wait` waits; a run that has not ended by then is a fault of what is measured. */
const WAIT_MS = 120_000;

export default definePlugin({
  id: 'bench',
  config: z.strictObject({}),
  activate(ctx) {
    const call = (name, input) => ctx.operations.call(name, input);
    ctx.operations.provide({
      name: 'bench.echo',
      summary: 'Answers what it was sent: what the host itself costs.',
      input: z.looseObject({}),
      output: z.looseObject({}),
      handler: async (input) => input,
    });
    ctx.operations.provide({
      name: 'bench.call',
      summary: 'Calls an operation again and again for a time and answers how long each call took.',
      input: z.strictObject({ operation: z.string(), input: z.unknown(), concurrency: amount, durationMs: amount }),
      output: z.strictObject(timings),
      handler: ({ operation, input, ...how }) => timeCalls(() => call(operation, input), how),
    });
    provideOverhead(ctx.operations);
    ctx.operations.provide({
      name: 'bench.workflows',
      summary: 'Starts runs of a workflow and waits for the end of each, again and again.',
      input: z.strictObject({ name: z.string(), concurrency: amount, count: amount }),
      output: countTimings,
      handler: ({ name, ...how }) => timeCount(() => runToEnd(call, name), how),
    });
    ctx.operations.provide({
      name: 'bench.start',
      summary: 'Starts runs of a workflow, does not wait for them, and answers how long that took and which was the first.',
      input: z.strictObject({ name: z.string(), concurrency: amount, count: amount }),
      output: z.strictObject({ tookMs: z.number(), first: z.string() }),
      handler: ({ name, ...how }) => startMany(call, name, how),
    });
    ctx.operations.provide({
      name: 'bench.publish',
      summary: 'Publishes readings of a subsystem, so many a second, and answers how many these were.',
      input: z.strictObject({ subsystem: z.string(), perSecond: amount, durationMs: amount }),
      output: z.strictObject({ count: z.int() }),
      handler: (input) => publishReadings(ctx.bus, input),
    });
    ctx.operations.provide({
      name: 'bench.collect',
      summary: 'Collects garbage, so that what is measured afterwards is what is kept.',
      input: z.strictObject({}),
      output: z.strictObject({ heapUsedBytes: z.number() }),
      handler: async () => {
        setFlagsFromString('--expose-gc');
        runInNewContext('gc')();
        return { heapUsedBytes: process.memoryUsage().heapUsed };
      },
    });
  },
});

/** The same handler called by itself and as operations whose schemas take anything, or are what operations mostly have. */
function provideOverhead(operations) {
  const handler = async (input) => input;
  const shape = z.strictObject({ name: z.string(), args: z.array(z.number()), deadlineMs: z.int().optional() });
  for (const [name, schema] of [
    ['bench.any', z.unknown()],
    ['bench.shaped', shape],
  ]) {
    operations.provide({ name, summary: 'Answers what it was sent.', input: schema, output: schema, handler });
  }
  const input = { name: 'add', args: [1, 2] };
  const measures = {
    direct: () => handler(input),
    any: () => operations.call('bench.any', input),
    deadline: () => operations.call('bench.any', input, { deadlineMs: 60_000 }),
    shaped: () => operations.call('bench.shaped', input),
  };
  operations.provide({
    name: 'bench.overhead',
    summary: 'Times calls from inside the host against the bare handler.',
    input: z.strictObject({ what: z.enum(Object.keys(measures)), samples: amount }),
    output: z.strictObject({ p50Us: z.number(), p99Us: z.number(), cpuUs: z.number() }),
    handler: ({ what, samples }) => timeOverhead(measures[what], samples),
  });
}

async function runToEnd(call, name) {
  const { id } = await call('workflow.start', { name, input: {} });
  const run = await call('workflow.wait', { id, timeoutMs: WAIT_MS });
  if (run.status !== 'completed') throw new Error(`Run ${id} of ${name} is ${run.status}: ${JSON.stringify(run.error)}`);
}

/** The last real reading again and again, with another number of operations in use each time. */
async function publishReadings(bus, { subsystem, perSecond, durationMs }) {
  const { payload } = bus.latest('metrics', subsystem);
  const total = Math.round((perSecond * durationMs) / 1000);
  const started = performance.now();
  for (let count = 0; count < total; count += 1) {
    bus.publish({ topic: 'metrics', payload: { ...payload, values: { ...payload.values, inUse: count % 8 } } });
    const due = started + ((count + 1) * 1000) / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
  }
  return { count: total };
}

async function startMany(call, name, { concurrency, count }) {
  const ids = [];
  let left = count;
  const started = performance.now();
  const drive = async () => {
    while (left > 0) {
      left -= 1;
      ids.push((await call('workflow.start', { name, input: {} })).id);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, drive));
  return { tookMs: performance.now() - started, first: ids[0] };
}
