import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access, constants, readdir, readFile, readlink, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { NotReadyError, systemClock } from '@bellows/sdk';
import { RemoteError } from '@bellows/sdk/client';
import { HostClient } from '../cli/host-client.js';
import { type LoadedConfig, loadConfig, withLines } from '../config-file.js';
import { isDataFolderLocked, readHostFile } from '../data-folder.js';
import type { HostOptions } from '../host-options.js';
import type { HostStatus } from '../host-view.js';
import { reachableAt } from '../http/local-safety.js';
import { inspectPlugins } from '../inspect-plugins.js';
import { readDatabases } from './database-probe.js';
import type { ConfigReading, HostReading, NeighbourReading, PluginReading, Probes, Ran } from './probes.js';

/** Of a program that should answer at once. */
const PROGRAM_MS = 5_000;
const HOST_MS = 3_000;

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

/** This machine. Aborting `signal` ends what waits for a program or a host, which are given `programMs` and `hostMs`. */
export function machineProbes(options: HostOptions, signal: AbortSignal, { hostMs = HOST_MS, programMs = PROGRAM_MS } = {}): Probes {
  // Once: the file may be a pipe, which is empty the second time.
  const loading = loadConfig(options);
  const config = loading.then((loaded) => readingOf(options, loaded));
  let plugins: Promise<PluginReading> | undefined;
  const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return {
    nodeVersion: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    temporaryFolder: os.tmpdir(),
    clock: systemClock,
    readConfig: () => config,
    readPlugins: () => (plugins ??= loading.then(({ loaded }) => pluginsOf(loaded))),
    readHostFile,
    readText,
    readKernelText,
    list: (folder) => readdir(folder).catch(() => []),
    stat: (file) =>
      stat(file).then(
        (found) => ({ isFolder: found.isDirectory(), mode: found.mode }),
        (error: unknown) => (ABSENT.has(codeOf(error)) ? undefined : Promise.reject(error)),
      ),
    readLink: (file) => readlink(file).catch(() => undefined),
    tryFile: (folder, { executable }) => tryFile(folder, executable).then(() => undefined, codeOf),
    mayWrite: (folder) =>
      access(folder, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      ),
    fileSystem: async (folder) => {
      const { type, bavail, bsize, ffree, files } = await statfs(folder);
      return { type, freeBytes: bavail * bsize, freeInodes: ffree, inodes: files };
    },
    tryListen,
    askPort: (address, port) => askPort(reachableAt(address, port), signal, hostMs),
    readDatabases,
    isLocked: isDataFolderLocked,
    run: ([file, ...args]) => run({ file, args, options, signal, timeoutMs: programMs }),
    askHost: (host) => askHost(host, signal, hostMs),
    openFiles: async () => openFilesOf(readKernelText('/proc/self/limits')),
  };
}

function readingOf(options: HostOptions, { loaded, problems }: Awaited<ReturnType<typeof loadConfig>>): ConfigReading {
  const named = options.dataDir ?? options.env.BELLOWS_DATA ?? '.bellows';
  const { address = '127.0.0.1', port = 7070, dataDir = path.resolve(options.cwd, named) } = loaded?.config.host ?? {};
  const lines = (loaded ? withLines(problems, loaded) : problems).map(problemLine);
  return { file: loaded?.file, problems: lines, address, port, dataDir, secretFiles: loaded?.secretFiles ?? [] };
}

async function pluginsOf(loaded: LoadedConfig | undefined): Promise<PluginReading> {
  if (!loaded) return { problems: [], plugins: [] };
  const { waves, problems } = await inspectPlugins(loaded);
  return {
    problems: withLines(problems, loaded).map(problemLine),
    plugins: waves.flat().map(({ id, source }) => `${id} ${source.manifest.version}`),
  };
}

function problemLine({ path: where, message }: { readonly path: string; readonly message: string }): string {
  return where === '' ? message : `${where}: ${message}`;
}

/** Opening anything but a file may wait for ever, for whoever writes into a pipe. */
async function readText(file: string): Promise<string | undefined> {
  try {
    return (await stat(file)).isFile() ? await readFile(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

function readKernelText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

async function tryFile(folder: string, executable: boolean): Promise<void> {
  const file = path.join(folder, `.bellows-doctor-${randomUUID()}`);
  try {
    await writeFile(file, '#!/bin/sh\nexit 0\n', { mode: executable ? 0o700 : 0o600, flag: 'wx' });
    await readFile(file);
    // Also where the rights say so a file system mounted with noexec refuses.
    if (executable) await access(file, constants.X_OK);
  } finally {
    await rm(file, { force: true });
  }
}

function tryListen(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function askPort(url: string, signal: AbortSignal, limitMs: number): Promise<NeighbourReading | undefined> {
  try {
    const { dataDir, subsystems } = await askHost({ url }, signal, limitMs);
    return typeof dataDir === 'string' && Array.isArray(subsystems) ? { dataDir } : undefined;
  } catch (error) {
    return error instanceof RemoteError && error.code === 'TOKEN_NEEDED' ? {} : undefined;
  }
}

type Asked = Pick<HostReading, 'url'> & Partial<HostReading>;

async function askHost({ url, token }: Asked, signal: AbortSignal, limitMs: number): Promise<HostStatus> {
  const late = AbortSignal.timeout(limitMs);
  const client = new HostClient({ url, signal: AbortSignal.any([signal, late]), ...(token === undefined ? {} : { token }) });
  return client.get<HostStatus>('/v1/status').catch((error: unknown) => {
    // The client takes every end of its signal for somebody's interruption.
    const isLate = late.aborted && !signal.aborted;
    throw isLate ? new NotReadyError('HOST_UNREACHABLE', `no answer within ${limitMs / 1_000} s`, { cause: error }) : error;
  });
}

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: HostOptions;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

function run({ file, args, options, signal, timeoutMs }: Program): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...options.env, LC_ALL: 'C' };
    execFile(file, args, { env, signal, timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error === null) return resolve({ how: 'ended', code: 0, output: stdout || stderr });
      if (error.killed) return resolve({ how: 'hanging' });
      if (error.code === 'ENOENT') return resolve({ how: 'missing' });
      if (typeof error.code === 'number') return resolve({ how: 'ended', code: error.code, output: stderr || stdout });
      resolve({ how: 'failed', reason: String(error.code ?? error.signal ?? error.message) });
    });
  });
}

function openFilesOf(limits: string | undefined): number | undefined {
  const soft = /^Max open files\s+(\S+)/m.exec(limits ?? '')?.[1];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : soft === undefined ? undefined : Number(soft);
}
