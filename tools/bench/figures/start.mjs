import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../../free-port.mjs';
import { HOST_MAIN } from '../../with-host.mjs';
import { figure, rounds } from '../statistics.mjs';

const root = path.resolve(import.meta.dirname, '../../..');
const ECHO = path.join(import.meta.dirname, '../peers/echo-server.mjs');
/** Between two looks: short against what is measured, long enough to leave the processor to it. */
const LOOK_EVERY_MS = 2;

export async function startFigures({ quick }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-bench-'));
  const config = path.join(folder, 'bellows.yaml');
  writeFileSync(
    config,
    JSON.stringify({
      host: { dataDir: path.join(folder, 'data'), logLevel: 'warn' },
      plugins: { compute: { from: path.join(root, 'plugins/compute') } },
    }),
  );
  try {
    const start = async (args) => {
      const port = await freePort();
      return exec([...args(String(port))], port);
    };
    const host = () => start((port) => [HOST_MAIN, 'start', '--config', config, '--port', port]);
    const peer = () => start((port) => [ECHO, port]);
    const bare = () => exec(['-e', '0']);
    await rounds(1, { host, peer }); // warms the file cache
    const values = await rounds(quick ? 2 : 10, { host, peer, bare });
    return [
      figure('start: exec to first 200 of /ready', 'ms', 'lower', values.host, 'with compute'),
      figure('start: peer, bare Fastify to its first 200', 'ms', 'none', values.peer),
      figure('start: peer, `node -e 0` to its end', 'ms', 'none', values.bare),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
