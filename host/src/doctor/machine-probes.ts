import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access, constants, readdir, readFile, readlink, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '@bellows/sdk';
import { checkConfig } from '../check-config.js';
import { HostClient } from '../cli/host-client.js';
import { loadConfig, withLines } from '../config-file.js';
import { isDataFolderLocked, readHostFile } from '../data-folder.js';
import type { HostOptions } from '../host-options.js';
import type { HostStatus } from '../host-view.js';
import type { ConfigReading, Probes, Ran } from './probes.js';

/** Of a program that should answer at once. */
const PROGRAM_MS = 5_000;
const HOST_MS = 3_000;

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

/** This machine. Aborting `signal` ends what waits for a program or a host. */
export function machineProbes(options: HostOptions, signal: AbortSignal): Probes {
  const config = readConfig(options);
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
    readPlugins: async () => {
      const { problems, plugins } = await checkConfig(options);
      const known = new Set((await config).problems);
      return {
        problems: problems.map(problemLine).filter((line) => !known.has(line)),
        plugins: plugins.map(({ id, version }) => `${id} ${version}`),
      };
    },
    readHostFile,
    readText: (file) => readFile(file, 'utf8').catch(() => undefined),
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
    isLocked: isDataFolderLocked,
    run: ([file, ...args]) => run({ file, args, options, signal }),
    askHost: ({ url, token }) => {
      const client = new HostClient({ url, token, signal: AbortSignal.any([signal, AbortSignal.timeout(HOST_MS)]) });
      return client.get<HostStatus>('/v1/status');
    },
    openFiles: async () => openFilesOf(readKernelText('/proc/self/limits')),
  };
}

async function readConfig(options: HostOptions): Promise<ConfigReading> {
  const { loaded, problems } = await loadConfig(options);
  const named = options.dataDir ?? options.env.BELLOWS_DATA ?? '.bellows';
  const { address = '127.0.0.1', port = 7070, dataDir = path.resolve(options.cwd, named) } = loaded?.config.host ?? {};
  return { file: loaded?.file, problems: (loaded ? withLines(problems, loaded) : problems).map(problemLine), address, port, dataDir };
}

function problemLine({ path: where, message }: { readonly path: string; readonly message: string }): string {
  return where === '' ? message : `${where}: ${message}`;
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

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: HostOptions;
  readonly signal: AbortSignal;
}

function run({ file, args, options, signal }: Program): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...options.env, LC_ALL: 'C' };
    execFile(file, args, { env, signal, timeout: PROGRAM_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
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
