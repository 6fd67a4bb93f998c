import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../../with-host.mjs';
import { pathOfTheMachine } from '../machine-path.mjs';
import { figure } from '../statistics.mjs';

const LIMIT_MS = 15 * 60_000;

/**
 * What a newcomer waits for: `git clone`, then `npm start` until the host is ready. Cold: npm has downloaded nothing before.
 * Warm: a second clone, with what npm keeps. Again: `npm start` once more in the same clone. Uses the machine's own Node.
 */
export async function cloneFigures({ quick }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-clone-'));
  try {
    const cold = [];
    const warm = [];
    const again = [];
    for (let round = 0; round < (quick ? 1 : 3); round += 1) {
      const cache = path.join(folder, `cache-${round}`);
      cold.push(await cloneAndStart(path.join(folder, `cold-${round}`), cache));
      const second = path.join(folder, `warm-${round}`);
      warm.push(await cloneAndStart(second, cache));
      again.push(await start(second, cache));
      for (const name of [`cold-${round}`, `warm-${round}`, `cache-${round}`])
        rmSync(path.join(folder, name), { recursive: true, force: true });
    }
    return [
      figure('clone: to ready, nothing downloaded before', 's', 'lower', cold),
      figure('clone: to ready, npm cache filled', 's', 'lower', warm),
      figure('clone: `npm start` again', 's', 'lower', again),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function cloneAndStart(destination, cache) {
  const started = performance.now();
  execFileSync('git', ['clone', '--quiet', '--no-local', root, destination]);
  const cloneSeconds = (performance.now() - started) / 1000;
  return cloneSeconds + (await start(destination, cache));
}

async function start(clone, cache) {
  const data = mkdtempSync(path.join(os.tmpdir(), 'bellows-clone-data-'));
  const started = performance.now();
  const child = spawn('npm', ['start', '--', '--port', '0', '--data', data], {
    cwd: clone,
    env: { ...process.env, PATH: pathOfTheMachine(), npm_config_cache: cache },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = once(child, 'exit');
  try {
    while (!(await isReady(data))) {
      if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode} before it was ready`);
      if (performance.now() - started > LIMIT_MS) throw new Error(`npm start was not ready after ${LIMIT_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return (performance.now() - started) / 1000;
  } finally {
    child.kill('SIGTERM');
    await exit;
    while (existsSync(path.join(data, 'host.json'))) await new Promise((resolve) => setTimeout(resolve, 20));
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function isReady(data) {
  try {
    const { url } = JSON.parse(readFileSync(path.join(data, 'host.json'), 'utf8'));
    return (await fetch(`${url}/ready`, { headers: { connection: 'close' } })).ok;
  } catch {
    return false;
  }
}
