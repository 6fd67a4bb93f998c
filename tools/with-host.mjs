import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');
export const HOST_MAIN = path.join(root, 'host/dist/main.js');
const START_LIMIT_MS = 30_000;

/** Starts the built host with the plugins of this repository on a free port, calls `use`, and stops it whatever happens. */
export async function withHost(use, config = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-tool-'));
  const file = path.join(folder, 'bellows.yaml');
  const plugins = {
    compute: { from: path.join(root, 'plugins/compute') },
    workflow: { from: path.join(root, 'plugins/workflow') },
    harness: { from: path.join(root, 'plugins/harness') },
    greeter: { from: path.join(root, 'docs/examples/greeter') },
  };
  writeFileSync(
    file,
    JSON.stringify({ plugins, ...config, host: { port: 0, logLevel: 'warn', ...config.host, dataDir: path.join(folder, 'data') } }),
  );
  const child = spawn(process.execPath, [HOST_MAIN, 'start', '--config', file, '--json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  try {
    const { url } = JSON.parse(await firstLine(child));
    return await use({ url, pid: child.pid, folder, get: (target) => getJson(`${url}${target}`) });
  } finally {
    child.kill('SIGTERM');
    await exit;
    rmSync(folder, { recursive: true, force: true });
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

async function getJson(url) {
  const answer = await fetch(url, { headers: { connection: 'close' } });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
