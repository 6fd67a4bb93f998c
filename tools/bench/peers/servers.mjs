// Servers that peers need, started by them in a temporary folder, reached over a unix socket, with everything on that makes a commit durable.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';

const START_LIMIT_MS = 30_000;

/** `{ url(database), stop }` of a new PostgreSQL. Its programs: `BELLOWS_BENCH_POSTGRES` (a folder), else PATH, else where Debian puts them. */
export async function startPostgres(folder) {
  const bin = postgresFolder();
  const home = path.join(folder, 'postgres');
  mkdirSync(home);
  const owner = ownerOfServer();
  if (owner) {
    chownSync(folder, owner.uid, owner.gid);
    chownSync(home, owner.uid, owner.gid);
  }
  const data = path.join(home, 'data');
  const quiet = { cwd: home, stdio: ['ignore', 'ignore', 'inherit'], ...owner };
  execFileSync(path.join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8'], quiet);
  const settings = ['fsync=on', 'synchronous_commit=on', 'max_connections=200'].flatMap((text) => ['-c', text]);
  const child = spawn(path.join(bin, 'postgres'), ['-D', data, '-k', home, '-h', '', ...settings], { ...quiet, stdio: 'ignore' });
  await untilReady(child, 'PostgreSQL', () => lastLine(path.join(data, 'postmaster.pid')) === 'ready');
  return {
    url: (database) => `postgresql://postgres@localhost/${database}?host=${encodeURIComponent(home)}`,
    stop: () => stop(child, 'SIGINT'),
  };
}

/** `{ socket, stop }` of a new Redis. Its program: `BELLOWS_BENCH_REDIS`, else PATH. */
export async function startRedis(folder) {
  const program = process.env.BELLOWS_BENCH_REDIS ?? programOnPath('redis-server');
  if (!program) throw new Error('no redis-server on PATH; name it with BELLOWS_BENCH_REDIS');
  const socket = path.join(folder, 'redis.sock');
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const child = spawn(program, ['--port', '0', '--unixsocket', socket, '--dir', folder, ...durable], { stdio: 'ignore' });
  await untilReady(child, 'Redis', () => existsSync(socket));
  return { socket, stop: () => stop(child, 'SIGTERM') };
}

function postgresFolder() {
  const onPath = programOnPath('postgres');
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    process.env.BELLOWS_BENCH_POSTGRES,
    onPath && path.dirname(realpathSync(onPath)),
    ...versions.map((version) => path.join(debian, version, 'bin')),
  ];
  const found = folders.find((folder) => folder && existsSync(path.join(folder, 'postgres')));
  if (!found) throw new Error('no PostgreSQL server here; name the folder of its programs with BELLOWS_BENCH_POSTGRES');
  return found;
}

/** PostgreSQL refuses to run as root. */
function ownerOfServer() {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    throw new Error('PostgreSQL does not run as root, and there is no user postgres to run it as');
  }
}

function programOnPath(name) {
  const files = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, name));
  return files.find((file) => existsSync(file));
}

async function untilReady(child, name, isReady) {
  let fault;
  child.once('error', (error) => (fault = error.message));
  child.once('exit', (code) => (fault ??= `it ended with ${code}`));
  const until = performance.now() + START_LIMIT_MS;
  while (performance.now() < until && fault === undefined) {
    if (isReady()) return;
    await rest(20);
  }
  child.kill('SIGKILL');
  throw new Error(`${name} did not start: ${fault ?? `no answer within ${START_LIMIT_MS} ms`}`);
}

/** PostgreSQL writes there how far it is. */
function lastLine(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').at(-1).trim() : '';
}

async function stop(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}
