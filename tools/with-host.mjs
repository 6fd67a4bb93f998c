import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');
export const HOST_MAIN = path.join(root, 'host/dist/main.js');
const START_LIMIT_MS = 30_000;

/** Starts the built host with the plugins of this repository on a free port, calls `use`, and stops it whatever happens. */
export async function withHost(use, config = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-tool-'));
  try {
    const host = await startHost(folder, config);
    try {
      return await use(host);
    } finally {
      await host.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The built host with its data in `folder`, gone on with when there is some. Whoever calls this stops it; after a stop or a kill, start again. */
export async function startHost(folder, config = {}) {
  const file = path.join(folder, 'bellows.yaml');
  const dataDir = path.join(folder, 'data');
  const plugins = {
    compute: { from: path.join(root, 'plugins/compute') },
    workflow: { from: path.join(root, 'plugins/workflow') },
    harness: { from: path.join(root, 'plugins/harness') },
    greeter: { from: path.join(root, 'docs/examples/greeter') },
  };
  writeFileSync(file, JSON.stringify({ plugins, ...config, host: { port: 0, logLevel: 'warn', ...config.host, dataDir } }));
  const child = spawn(process.execPath, [HOST_MAIN, 'start', '--config', file, '--json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    await exit;
  };
  try {
    const { url } = JSON.parse(await firstLine(child));
    const call = (name, input) => callOperation({ url, dataDir }, name, input);
    return { url, pid: child.pid, folder, stop, call, get: (target) => getJson(`${url}${target}`) };
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    const timer = setTimeout(() => reject(new Error(`The host was not ready after ${START_LIMIT_MS} ms:\n${stderr}`)), START_LIMIT_MS);
    const settle = (action, value) => {
      clearTimeout(timer);
      action(value);
    };
    child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk));
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
      const line = stdout
        .split('\n')
        .slice(0, -1)
        .find((text) => text.startsWith('{'));
      if (line !== undefined) settle(resolve, line);
    });
    child.on('error', (error) => settle(reject, error));
    child.on('exit', (status) => settle(reject, new Error(`The host ended with ${status} before it was ready:\n${stdout}${stderr}`)));
  });
}

/** With the token of this host, so that operations that run commands are allowed. */
async function callOperation({ url, dataDir }, name, input) {
  const { token } = JSON.parse(readFileSync(path.join(dataDir, 'host.json'), 'utf8'));
  const answer = await fetch(`${url}/v1/operations/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, connection: 'close' },
    body: JSON.stringify(input),
  });
  if (!answer.ok) throw new Error(`${name} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

async function getJson(url) {
  const answer = await fetch(url, { headers: { connection: 'close' } });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
