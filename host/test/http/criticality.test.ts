import { CRITICALITIES, type IScalableSubsystem, silentLogger } from '@bellows/sdk';
import { RecordingBus } from '@bellows/sdk/testing';
import { expect, it } from '@jest/globals';
import { SubsystemRegistry } from '../../src/governor/subsystem-registry.js';
import { callOperation, type LoopbackHost, METRICS, startLoopbackHost, until } from './loopback-host.js';

type Host = LoopbackHost;
const callAs = (host: Host, name: string, criticality: string) => callOperation(host, name, {}, { 'bellows-criticality': criticality });

/** Which classes the host takes now, and what the others get. */
async function taken(host: Host) {
  const answers = await Promise.all(CRITICALITIES.map((name) => callAs(host, 'demo.echo', name)));
  return answers.map(({ status, json }) => (status === 200 ? 'ok' : json.error.code));
}

it('refuses bulk before best_effort as the subsystem of a plugin fills, and takes all again when it has emptied', async () => {
  const bus = new RecordingBus();
  const subsystems = new SubsystemRegistry({ bus, logger: silentLogger });
  let level = 0;
  const pool = {
    name: 'demo.pool',
    currentLimits: { maxCacheEntries: 1, maxMemoryBytes: 1, maxConcurrentOperations: 1, maxQueueDepth: 1 },
    currentBackpressureState: 'normal',
    getScalingMetrics: () => ({ ...METRICS, 'backpressure.state': level }),
  } as unknown as IScalableSubsystem;
  subsystems.register('demo', pool);
  const host = await startLoopbackHost({ operations: { pressure: (plugin) => subsystems.pressureOf(plugin) } });
  const ladder = [];
  for (level of [0, 1, 2, 3, 2, 0]) {
    subsystems.readAll();
    ladder.push(await taken(host));
  }
  const all = ['ok', 'ok', 'ok', 'ok'];
  const noBulk = ['ok', 'ok', 'ok', 'LOAD_SHED'];
  expect(ladder).toEqual([all, all, noBulk, ['ok', 'ok', 'LOAD_SHED', 'LOAD_SHED'], noBulk, all]);
  level = 3;
  subsystems.readAll();
  const { status, headers, json } = await callAs(host, 'demo.echo', 'bulk');
  expect([status, json.error.data]).toEqual([429, { criticality: 'bulk' }]);
  expect(Number(headers['retry-after'])).toBe(Math.ceil(json.error.retryAfterMs / 1000));
  await host.close();
  bus.close();
});

it('keeps places of a full host for what matters more: a flood of each class leaves room for the next', async () => {
  const host = await startLoopbackHost({ operations: { maxConcurrentOperations: 20 } });
  const flood: ReturnType<typeof callAs>[] = [];
  const filled: [criticality: string, running: number, refused: number][] = [];
  let refused = 0;
  for (const criticality of CRITICALITIES.toReversed()) {
    const before = refused;
    for (let n = 0; n < 20; n += 1) {
      const call = callAs(host, 'demo.slow', criticality);
      void call.then(({ status }) => (refused += status === 429 ? 1 : 0));
      flood.push(call);
    }
    await until(() => host.slow.length + refused === flood.length);
    filled.push([criticality, host.slow.length, refused - before]);
  }
  expect(filled).toEqual([
    ['bulk', 16, 4],
    ['best_effort', 18, 18],
    ['degraded', 19, 19],
    ['critical', 20, 19],
  ]);
  expect(await taken(host)).toEqual(CRITICALITIES.map(() => 'INSTANCE_LIMIT'));
  for (const { release } of host.slow.splice(0)) release();
  const statuses = (await Promise.all(flood)).map(({ status }) => status);
  expect([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 429).length]).toEqual([20, 60]);
  expect(await taken(host)).toEqual(['ok', 'ok', 'ok', 'ok']);
  await host.close();
});

it('counts a class nobody knows, from a plugin in plain JavaScript, as degraded', async () => {
  const host = await startLoopbackHost({ operations: { maxConcurrentOperations: 1, tenants: { a: { limits: { maxQueueDepth: 2 } } } } });
  const first = callOperation(host, 'demo.slow', {}, { 'bellows-tenant': 'a' });
  await until(() => host.slow.length === 1);
  const second = host.registry.call('demo.call', {}, { tenant: 'a', criticality: 'urgent' as 'bulk' });
  host.slow[0]?.release();
  expect(await second).toMatchObject({ criticality: 'degraded' });
  await first;
  await host.close();
});
