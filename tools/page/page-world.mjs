// A real host with real work in it, for whoever looks at its page: the tests, the screenshots and the figures.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../free-port.mjs';
import { root, startHost } from '../with-host.mjs';
import { BOOM, WORK } from './sample-modules.mjs';

const STUB = path.join(root, 'plugins/harness/stub-agent');

/** Functions for the stages below. */
const FUNCTIONS = `import { defineFunction } from '@bellows/sdk/workflow';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const take = defineFunction('take', async (input: { ms?: number; give?: unknown }) => {
  await pause(input.ms ?? 1);
  return input.give ?? { took: input.ms ?? 1 };
});

export const wobble = defineFunction('wobble', async (input: { ms?: number }, call) => {
  await pause(input.ms ?? 1);
  if (call.attempt === 1) throw new Error('the warehouse did not answer');
  return { attempt: call.attempt };
});

export const refuse = defineFunction('refuse', async (input: { ms?: number }) => {
  await pause(input.ms ?? 1);
  throw new Error('the card was declined');
});
`;

const retry = { maxAttempts: 3, initialMs: 120, factor: 2, maxMs: 1_000 };

/** What runs in this world, as JSON definitions. */
const DEFINITIONS = [
  {
    name: 'order',
    version: 1,
    stages: [
      { name: 'reserve', run: 'wobble', input: { ms: 60 }, retry, compensate: { run: 'take', input: { ms: 30 } } },
      { name: 'price', operation: 'compute.invoke', input: { module: 'worker', export: 'work', args: [20_000_000] } },
      { name: 'invoice', run: 'take', input: { ms: 90, give: { number: 'R-1007', lines: ['3 cups', '1 pot'] } }, dependsOn: ['price'] },
      { name: 'pack', run: 'take', input: { ms: 180 }, dependsOn: ['reserve', 'price'] },
      { name: 'ship', timer: 150, dependsOn: ['pack', 'invoice'] },
      { name: 'thank', run: 'take', input: { ms: 40 }, dependsOn: ['ship'] },
    ],
    output: { invoice: '${stages.invoice.output.number}' },
  },
  {
    name: 'refund',
    version: 1,
    stages: [
      { name: 'reserve', run: 'take', input: { ms: 40 }, compensate: { run: 'take', input: { ms: 20 } } },
      { name: 'charge', run: 'refuse', input: { ms: 60 }, dependsOn: ['reserve'], retry: { ...retry, maxAttempts: 2 } },
    ],
  },
  {
    name: 'approval',
    version: 1,
    stages: [
      { name: 'ask', run: 'take', input: { ms: 20 } },
      { name: 'decide', signal: 'decision', dependsOn: ['ask'] },
      { name: 'tell', run: 'take', input: { ms: 20 }, dependsOn: ['decide'] },
    ],
  },
];

const ISSUES = [
  { id: 'parser', title: 'Accept comments in the parser', body: 'stub: sleep=0.2 files=2' },
  { id: 'docs', title: 'Describe the new option', body: 'stub: ok', dependsOn: ['parser'] },
  { id: 'cache', title: 'Forget what has expired', body: 'stub: fail-verify once' },
  { id: 'flaky', title: 'Find out why the test fails on Mondays', body: 'stub: exit=3 no-commit' },
];

/**
 * A host on a port that stays the same, with compute, workflow and harness. `restart` stops it (by the signal given) and starts it again
 * in the same folder. `close` ends it and removes the folder. `extra` is added to its configuration.
 */
export async function openPageWorld(extra = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-page-'));
  mkdirSync(path.join(folder, 'flows'));
  writeFileSync(path.join(folder, 'flows/functions.ts'), FUNCTIONS);
  const config = {
    ...extra,
    host: { port: await freePort(), ...extra.host },
    plugins: {
      compute: { from: path.join(root, 'plugins/compute') },
      workflow: { from: path.join(root, 'plugins/workflow'), config: { definitions: ['flows/*.ts'] } },
      harness: { from: path.join(root, 'plugins/harness') },
      ...extra.plugins,
    },
  };
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const repo = newRepository(path.join(folder, 'shop'));
  const host = await startHost(folder, config).catch((error) => {
    remove();
    throw error;
  });
  const world = {
    folder,
    repo,
    host,
    async stop(signal) {
      await world.host.stop(signal);
    },
    async start() {
      world.host = await startHost(folder, config);
    },
    async close() {
      await world.host.stop();
      remove();
    },
  };
  return world;
}

/** One of everything: modules that are called and one that traps, runs that end well, badly and not at all, a job of agents. */
export async function doWork({ host, repo }) {
  await putModules(host);
  await Promise.all(Array.from({ length: 12 }, () => host.call('compute.invoke', { module: 'worker', export: 'work', args: [2_000_000] })));
  await host.call('compute.invoke', { module: 'faulty', export: 'boom' }).catch(() => {}); // that it fails is what is to be seen
  await defineAll(host);
  await host.call('workflow.start', { name: 'order', id: 'order-1', input: { item: 'cups', count: 3 }, attributes: { customer: 'Ada' } });
  await host.call('workflow.start', { name: 'refund', id: 'refund-1', input: {} });
  await host.call('workflow.start', { name: 'approval', id: 'approval-1', input: { for: 'a new pot' } });
  const job = await startJob({ host, repo }, 'first');
  for (const id of ['order-1', 'refund-1']) await host.call('workflow.wait', { id, timeoutMs: 30_000 });
  await host.call('harness.wait', { id: job, timeoutMs: 60_000 });
}

export async function defineAll(host) {
  for (const json of DEFINITIONS) await host.call('workflow.define', { json });
}

export async function putModules(host) {
  await host.call('compute.put', { name: 'worker', wasm: WORK });
  await host.call('compute.put', { name: 'faulty', wasm: BOOM });
}

export async function startJob({ host, repo }, id, issues = ISSUES) {
  const started = await host.call('harness.start', {
    id,
    repo,
    branch: `agents-${id}`,
    agent: { driver: 'plain', command: [path.join(STUB, 'stub-agent.sh')] },
    verify: [path.join(STUB, 'verify.sh')],
    issues,
  });
  return started.id;
}

function newRepository(folder) {
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@localhost', '-C', folder, ...args], { stdio: 'ignore' });
  mkdirSync(folder);
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(path.join(folder, 'README.md'), '# shop\n');
  git('add', '-A');
  git('commit', '--quiet', '-m', 'The beginning');
  return folder;
}
