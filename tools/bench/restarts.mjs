import { setImmediate as turn } from 'node:timers/promises';
import { Supervisor } from '@bellows/sdk';
import { percentile } from './statistics.mjs';

/**
 * A child without any work, ended time and again: what is left is the supervisor. Each has `perSupervisor` restarts and is replaced:
 * the one of Erlang/OTP, measured beside it, looks through its list of restarts at each of them.
 */
export async function timeRestarts(count, perSupervisor) {
  const latenciesMs = [];
  const cpu = process.cpuUsage();
  while (latenciesMs.length < count) {
    await timeOne(perSupervisor, latenciesMs);
    await turn();
  }
  const { user, system } = process.cpuUsage(cpu);
  const tookMs = latenciesMs.reduce((sum, ms) => sum + ms, 0);
  return {
    perSecond: (latenciesMs.length / tookMs) * 1_000,
    cpuUs: (user + system) / latenciesMs.length,
    p50Us: percentile(latenciesMs, 0.5) * 1_000,
    p99Us: percentile(latenciesMs, 0.99) * 1_000,
  };
}

async function timeOne(restarts, latenciesMs) {
  const child = { end: () => {}, up: () => {} };
  const supervisor = new Supervisor({
    children: [{ id: 'child', restart: 'permanent', stopTimeoutMs: 1_000, start: async () => comeUp(child) }],
    intensity: { maxRestarts: restarts * 2, maxSeconds: 3_600 },
  });
  await supervisor.start();
  for (let index = 0; index < restarts; index += 1) {
    const { promise, resolve } = Promise.withResolvers();
    child.up = resolve;
    const endedMs = performance.now();
    child.end();
    await promise;
    latenciesMs.push(performance.now() - endedMs);
  }
  await supervisor.stop();
}

async function comeUp(child) {
  const exited = Promise.withResolvers();
  child.end = () => exited.resolve({ ok: false });
  child.up();
  return { exited: exited.promise, stop: async () => {} };
}
