import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../../free-port.mjs';
import { HOST_MAIN } from '../../with-host.mjs';
import { generatedPlugins } from '../generated-plugins.mjs';
import { figure, rounds } from '../statistics.mjs';

const root = path.resolve(import.meta.dirname, '../../..');
const ECHO = path.join(import.meta.dirname, '../peers/echo-server.mjs');
/** Between two looks: short against what is measured, long enough to leave the processor to it. */
const LOOK_EVERY_MS = 2;
const GENERATED = 100;

export async function startFigures({ quick }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-bench-'));
  try {
    const generated = await generatedPlugins(path.join(folder, 'generated'), GENERATED);
    const configs = {
      one: configOf(folder, 'one', plugins('compute')),
      three: configOf(folder, 'three', plugins('compute', 'workflow', 'harness')),
      hundred: configOf(folder, 'hundred', generated),
    };
    const start = async (args) => {
      const port = await freePort();
      return exec([...args(String(port))], port);
    };
    const withConfig = (config) => start((port) => [HOST_MAIN, 'start', '--config', config, '--port', port]);
    // Each time a folder of its own, and none is removed before the end: for some seconds ext4 makes new files far more slowly where
    // many were removed (measured: most of the start then).
    let fresh = 0;
    const unstaged = () => {
      fresh += 1;
      return withConfig(configOf(folder, `fresh-${fresh}`, generated));
    };
    const hosts = {
      one: () => withConfig(configs.one),
      three: () => withConfig(configs.three),
      hundred: () => withConfig(configs.hundred),
    };
    const peer = () => start((port) => [ECHO, port]);
    const bare = () => exec(['-e', '0']);
    await rounds(1, { ...hosts, peer }); // warms the file cache
    const values = await rounds(quick ? 2 : 10, { ...hosts, unstaged, peer, bare });
    return [
      figure('start: exec to first 200 of /ready', 'ms', 'lower', values.one, 'with compute'),
      figure('start: exec to first 200 of /ready, three plugins', 'ms', 'lower', values.three, 'compute, workflow and harness'),
      figure(
        'start: exec to first 200 of /ready, 100 plugins',
        'ms',
        'lower',
        values.hundred,
        'of the generator, staged at an earlier start',
      ),
      figure(
        'start: exec to first 200 of /ready, 100 new plugins',
        'ms',
        'lower',
        values.unstaged,
        'of the generator, staged by this start',
      ),
      figure('start: peer, bare Fastify to its first 200', 'ms', 'none', values.peer),
      figure('start: peer, `node -e 0` to its end', 'ms', 'none', values.bare),
      ...(await testHostFigures(quick)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function plugins(...names) {
  return Object.fromEntries(names.map((name) => [name, { from: path.join(root, 'plugins', name) }]));
}

/** A file with a data folder of its own, `name` below `folder`. */
function configOf(folder, name, entries) {
  const file = path.join(folder, `${name}.yaml`);
  writeFileSync(file, JSON.stringify({ host: { dataDir: path.join(folder, name), logLevel: 'warn' }, plugins: entries }));
  return file;
}

/** In this process, where the kit is loaded: what the first and each later test pays. */
async function testHostFigures(quick) {
  const { startTestHost } = await import('@bellows/host/testing');
  const { definePlugin, z } = await import('@bellows/sdk');
  const plugin = definePlugin({ id: 'idle', config: z.strictObject({}), activate() {} });
  const ready = [];
  for (let round = 0; round < (quick ? 3 : 20); round += 1) {
    const started = performance.now();
    const host = await startTestHost({ plugins: [plugin] });
    ready.push(performance.now() - started);
    await host.stop();
  }
  const [first, ...later] = ready;
  return [
    figure('start: startTestHost to ready, the first in a process', 'ms', 'lower', [first]),
    figure('start: startTestHost to ready', 'ms', 'lower', later, 'one plugin, no port'),
  ];
}

/** ms from spawn to the first 200; without a port, to the end of the process. */
async function exec(args, port) {
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exit = once(child, 'exit');
  let ended = false;
  void exit.then(() => (ended = true));
  if (port === undefined) {
    await exit;
    return performance.now() - started;
  }
  while (!(await answers(port))) {
    if (ended) throw new Error(`${args.join(' ')} ended before it was ready`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  const tookMs = performance.now() - started;
  child.kill('SIGTERM');
  await exit;
  return tookMs;
}

function answers(port) {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/ready', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}
