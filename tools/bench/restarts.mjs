import { setImmediate as turn } from 'node:timers/promises';
import { Supervisor } from '@bellows/sdk';
import { percentile } from './statistics.mjs';

/** A child without any work, ended time and again: what is left is the supervisor. Latency from the end of one to its successor. */
export async function timeRestarts(count) {
  const child = { end: () => {}, up: () => {} };
  const supervisor = new Supervisor({
    children: [{ id: 'child', restart: 'permanent', stopTimeoutMs: 1_000, start: async () => comeUp(child) }],
    intensity: { maxRestarts: count * 2, maxSeconds: 3_600 },
  });
  await supervisor.start();
  const latenciesUs = new Float64Array(count);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  for (let index = 0; index < count; index += 1) {
    const { promise, resolve } = Promise.withResolvers();
    child.up = resolve;
    const endedMs = performance.now();
    child.end();
    await promise;
    latenciesUs[index] = (performance.now() - endedMs) * 1_000;
    // without a turn now and then this would be one microtask after the other, which no host is
    if (index % 100 === 0) await turn();
  }
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  await supervisor.stop();
  return {
    perSecond: (count / tookMs) * 1_000,
    cpuUs: (user + system) / count,
    p50Us: percentile(latenciesUs, 0.5),
    p99Us: percentile(latenciesUs, 0.99),
  };
}

async function comeUp(child) {
  const exited = Promise.withResolvers();
  child.end = () => exited.resolve({ ok: false });
  child.up();
  return { exited: exited.promise, stop: async () => {} };
}
