import type { IClock } from '@bellows/sdk';
import type { Place } from '../../src/doctor/finding.js';
import type { Probes, Ran } from '../../src/doctor/probes.js';

export const GIT: Ran = { how: 'ended', code: 0, output: 'git version 2.47.1\n' };

/** A machine on which everything is well; a test says what is not. */
export function probesWith(changes: Partial<Probes> = {}): Probes {
  return {
    nodeVersion: '26.10.0',
    platform: 'linux',
    arch: 'x64',
    cores: 8,
    memoryBytes: 16 * 2 ** 30,
    temporaryFolder: '/tmp',
    clock: clockAt(Date.UTC(2026, 2, 1)),
    readConfig: async () => ({
      file: '/here/bellows.yaml',
      problems: [],
      address: '127.0.0.1',
      port: 7070,
      dataDir: '/here/.bellows',
      secretFiles: [],
    }),
    readPlugins: async () => ({ problems: [], plugins: ['compute 0.1.0', 'harness 0.1.0'] }),
    readHostFile: async () => null,
    readText: async () => undefined,
    readKernelText: () => undefined,
    list: async () => [],
    stat: async () => ({ isFolder: true, mode: 0o40700 }),
    readLink: async () => undefined,
    tryFile: async () => undefined,
    mayWrite: async () => true,
    fileSystem: async () => ({ type: 0xef53, freeBytes: 100 * 2 ** 30, freeInodes: 1_000_000, inodes: 2_000_000 }),
    tryListen: async () => undefined,
    askPort: async () => undefined,
    readDatabases: async () => [{ path: 'store.db' }],
    isLocked: async () => false,
    run: async () => GIT,
    askHost: async () => ({ version: '0.1.0', ready: true }),
    openFiles: async () => 65_536,
    ...changes,
  };
}

export function placeWith(changes: Partial<Probes> = {}, more: Partial<Omit<Place, 'probes'>> = {}): Place {
  return {
    probes: probesWith(changes),
    configFile: '/here/bellows.yaml',
    configProblems: [],
    address: '127.0.0.1',
    port: 7070,
    dataDir: '/here/.bellows',
    secretFiles: [],
    host: null,
    isHeld: false,
    ...more,
  };
}

/** Moves by what the checks sleep; what bounds a check never comes. `skewMs` is how far the wall clock jumps in a sleep. */
export function clockAt(startMs: number, { skewMs = 0, slowness = 1 } = {}): IClock {
  let elapsedMs = 0;
  let wallMs = startMs;
  return {
    now: () => wallMs,
    monotonicMs: () => elapsedMs,
    setTimer: () => () => {},
    setRepeating: () => () => {},
    sleep: async (delayMs, signal) => {
      if (signal !== undefined) return new Promise<void>(() => {});
      elapsedMs += delayMs * slowness;
      wallMs += delayMs * slowness + skewMs;
    },
  };
}

/** Texts by file. */
export function filesOf(files: Readonly<Record<string, string>>): Pick<Probes, 'readText' | 'readKernelText'> {
  return { readText: async (file) => files[file], readKernelText: (file) => files[file] };
}
