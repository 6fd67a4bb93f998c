// Starts runs until it is killed and prints the ids that were acknowledged; every effect of a stage goes to a file at once.
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { FULL_AUTHORITY } from '@bellows/sdk';
import { MemoryStore } from '@bellows/sdk/testing';
import { workflowConfigSchema } from '../../dist/config.js';
import { activateWorkflow } from '../../dist/plugin.js';
import { makeContext } from './plugin-context.mjs';

/** More than it is let live for; a killer that is held up for seconds shall not meet a thousand batches. */
const MAX_BATCHES = 25;
const [folder, round, isLast] = process.argv.slice(2);
const effects = path.join(folder, 'effects');
// it lives until it is killed, has done the last, or who started it is gone
process.stdin.resume().once('end', () => process.exit(1));

async function effect({ of, fails, pauses }, { idempotencyKey }) {
  appendFileSync(effects, `${round} ${idempotencyKey}\n`);
  if (pauses) await new Promise((resolve) => setImmediate(resolve));
  if (fails) throw new Error(`planned, of ${of}`);
  return of;
}

const { context, release } = makeContext({
  config: workflowConfigSchema.parse({}),
  dataDir: folder,
  store: new MemoryStore(),
  operations: new Map([['test.effect', effect]]),
});
const { engine, definitions, resumed, store } = await activateWorkflow(context);

const stage = (name, more) => ({
  name,
  operation: 'test.effect',
  input: { of: name, fails: false, pauses: true },
  retry: { maxAttempts: 1 },
  ...more,
});
const undo = (name) => ({ compensate: { operation: 'test.effect', input: { of: name, fails: false, pauses: false } } });
await definitions.define({
  json: {
    name: 'loop',
    version: 1,
    stages: [
      stage('first', undo('first')),
      { name: 'pause', timer: 1, dependsOn: ['first'] },
      stage('second', { dependsOn: ['pause'], ...undo('second') }),
      stage('last', { dependsOn: ['second'], input: { of: 'last', fails: '${input.fails}', pauses: false } }),
    ],
  },
});

const openRuns = () =>
  ['queued', 'running', 'waiting', 'rolling_back'].flatMap((status) => store.list({ status, limit: 1_000 }).items.map(({ id }) => id));

if (isLast === 'last') {
  await resumed;
  const { signal } = new AbortController();
  // as many as there are, as long as it takes: each pass waits for some of those that are open
  for (let open = openRuns(); open.length > 0; open = openRuns()) for (const id of open) await engine.wait(id, 20_000, signal);
  await release();
  process.stdin.destroy();
} else {
  for (let n = 0; n < MAX_BATCHES; n += 1) {
    const started = Array.from({ length: 10 }, (_, k) =>
      engine.start(
        { name: 'loop', id: `r${round}-${n}-${k}`, input: { fails: k === 3 } },
        { tenant: 't', user: 'u', authority: FULL_AUTHORITY },
      ),
    );
    for (const { id } of await Promise.all(started)) process.stdout.write(`${id}\n`);
  }
}
