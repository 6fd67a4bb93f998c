import { expect, it } from '@jest/globals';
import { startHost, startProcess, WORKFLOW } from './running-host.js';
import { until } from './until.js';

const LONG_REST = { name: 'rest', version: 1, stages: [{ name: 'rest', timer: 3_600_000 }] };

it('lets a tenant with one place look at a run, wait for it and cancel it, all at once, from the command line', async () => {
  const host = await startHost({
    config: {
      tenants: { default: { limits: { maxConcurrentOperations: 1 } } },
      plugins: { workflow: { from: WORKFLOW } },
    },
  });
  expect((await host.call('workflow.define', { json: LONG_REST })).status).toBe(200);
  const start = ['workflow', 'start', 'rest', '--id', 'w1', '--tenant', 'acme'];
  expect(await host.bellows(start)).toMatchObject({ code: 0, stderr: '' });
  const waiting = ['w1', 'w1'].map((id) =>
    startProcess(['workflow', 'wait', id, '--tenant=acme', '--json'], { env: { BELLOWS_URL: host.url } }),
  );
  const inFlight = async () =>
    (await host.request('/metrics')).text.match(/^bellows_operation_in_flight\{operation="workflow\.wait"\} (\d+)$/m)?.[1];
  await until('both to wait', async () => (await inFlight()) === '2');
  const got = await host.bellows(['workflow', 'get', 'w1', '--tenant', 'acme', '--json']);
  expect(JSON.parse(got.stdout)).toMatchObject({ id: 'w1', status: 'waiting' });
  expect(await host.bellows(['workflow', 'cancel', 'w1', '--tenant', 'acme'])).toMatchObject({ code: 0 });
  for (const { exit } of waiting) expect(JSON.parse((await exit).stdout)).toMatchObject({ id: 'w1', status: 'cancelled' });
  await host.stop();
});

it('refuses a tenant that no header can carry', async () => {
  const host = await startHost({ config: { plugins: { workflow: { from: WORKFLOW } } } });
  for (const tenant of ['', 'ä', 'x'.repeat(201)]) {
    const { code, stderr } = await host.bellows(['workflow', 'list', '--tenant', tenant]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--tenant must be 1 to 200 printable ASCII characters')]);
  }
  await host.stop();
});
