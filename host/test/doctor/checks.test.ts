import { describe, expect, it } from '@jest/globals';
import { checkClock, checkTimers, checkTimeService } from '../../src/doctor/clock-checks.js';
import { checkConfiguration, checkPlugins, checkSecretFiles } from '../../src/doctor/configuration-checks.js';
import {
  checkData,
  checkDatabases,
  checkDataSpace,
  checkDataSystem,
  checkDataVersion,
  checkHostFile,
  checkLock,
} from '../../src/doctor/data-checks.js';
import { checkHost } from '../../src/doctor/host-check.js';
import { checkControlGroup, checkCores, checkMemory, checkOpenFiles, checkPressure } from '../../src/doctor/machine-checks.js';
import { checkNode, checkPlatform } from '../../src/doctor/node-checks.js';
import { checkPort } from '../../src/doctor/port-check.js';
import type { Probes, Ran } from '../../src/doctor/probes.js';
import { checkBubblewrap, checkGit } from '../../src/doctor/program-checks.js';
import { checkTemporaryFolder } from '../../src/doctor/temporary-folder-check.js';
import { clockAt, filesOf, GIT, placeWith } from './place.js';

const HOST = { pid: 77, url: 'http://127.0.0.1:7070', token: 't' };
const RUNNING = { host: HOST, isHeld: true };

describe('Node.js and the platform', () => {
  it.each([
    ['26.10.0', 'ok'],
    ['24.0.0', 'ok'],
    ['25.1.0', 'warn'],
    ['31.0.0', 'warn'],
    ['22.9.0', 'fail'],
  ])('%s is %s', async (nodeVersion, state) => {
    expect(await checkNode(placeWith({ nodeVersion }))).toMatchObject({ state });
  });

  it.each([
    ['linux', 'ok'],
    ['darwin', 'warn'],
    ['win32', 'warn'],
  ])('%s is %s', async (platform, state) => {
    expect(await checkPlatform(placeWith({ platform }))).toMatchObject({ state });
  });
});

describe('the configuration', () => {
  it('fails with every fault it has', async () => {
    expect(await checkConfiguration(placeWith())).toEqual({ state: 'ok', found: '/here/bellows.yaml' });
    const configProblems = ['host.port: must be a number (line 2)', 'hots: is unknown'];
    expect(await checkConfiguration(placeWith({}, { configProblems }))).toMatchObject({
      state: 'fail',
      found: 'host.port: must be a number (line 2); hots: is unknown',
    });
  });

  it('says which plugins would be loaded, or why they cannot be', async () => {
    expect(await checkPlugins(placeWith())).toEqual({ state: 'ok', found: 'compute 0.1.0, harness 0.1.0' });
    expect(await checkPlugins(placeWith({}, { configFile: undefined }))).toMatchObject({ state: 'unknown' });
    const readPlugins = async () => ({ problems: ['plugins.x.from: there is no such folder'], plugins: [] });
    expect(await checkPlugins(placeWith({ readPlugins }))).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('no such folder'),
    });
  });
});

describe('files with secrets', () => {
  it('are named where other users may read or change them', async () => {
    const modes: Readonly<Record<string, number>> = { '/run/a': 0o100600, '/run/b': 0o100644, '/run/c': 0o100640, '/run/d': 0o100660 };
    const stat = async (file: string) => ({ isFolder: false, mode: modes[file] ?? 0 });
    const seen = (secretFiles: string[], changes: Partial<Probes> = {}) =>
      checkSecretFiles(placeWith({ stat, ...changes }, { secretFiles }));
    expect(await seen([])).toMatchObject({ state: 'ok' });
    expect(await seen(['/run/a', '/run/c'])).toEqual({ state: 'ok', found: '2 files, not open to others' });
    expect(await seen(['/run/a', '/run/b', '/run/d'])).toEqual({
      state: 'warn',
      found: 'open to other users: /run/b (0644), /run/d (0660)',
      todo: 'Run: chmod o-rwx,g-w "/run/b" "/run/d"',
    });
    expect(await seen(['/run/b'], { platform: 'win32' })).toMatchObject({ state: 'unknown' });
  });
});

describe('a host that runs here', () => {
  it('is asked for its version and whether it is ready', async () => {
    const seen = async (changes: Partial<Probes>) => checkHost(placeWith(changes, RUNNING));
    expect(await checkHost(placeWith())).toEqual({ state: 'ok', found: 'none runs here' });
    expect(await checkHost(placeWith({}, { isHeld: undefined }))).toMatchObject({ state: 'unknown' });
    expect(await seen({})).toMatchObject({ state: 'ok', found: 'process 77 at http://127.0.0.1:7070, version 0.1.0, ready' });
    expect(await checkHost(placeWith({}, { host: HOST }))).toMatchObject({ state: 'ok', found: expect.stringContaining('none runs here') });
    expect(await seen({ askHost: async () => ({ version: '0.1.0', ready: false }) })).toMatchObject({ state: 'warn' });
    expect(await seen({ askHost: async () => ({ version: '0.0.9', ready: true }) })).toMatchObject({
      state: 'warn',
      found: expect.stringContaining('0.0.9'),
    });
    const tokensRefused = { at: 1, message: 'The tokens file t.yaml is not valid' };
    expect(await seen({ askHost: async () => ({ version: '0.1.0', ready: true, tokensRefused }) })).toMatchObject({
      state: 'warn',
      found: expect.stringMatching(/the earlier tokens hold: The tokens file t\.yaml is not valid/),
    });
    expect(await seen({ askHost: () => Promise.reject(new Error('ECONNREFUSED')) })).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('the port', () => {
  const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1B9E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1B9E 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n`;
  const taken: Partial<Probes> = {
    tryListen: async () => 'EADDRINUSE',
    readText: async (file) => ({ '/proc/net/tcp': TABLE, '/proc/12/comm': 'nginx\n' })[file],
    list: async (folder) => ({ '/proc': ['self', '11', '12'], '/proc/11/fd': ['0'], '/proc/12/fd': ['0', '7'] })[folder] ?? [],
    readLink: async (file) => ({ '/proc/11/fd/0': 'socket:[4712]', '/proc/12/fd/7': 'socket:[4711]' })[file],
  };

  it('is free, or held by the host that runs here', async () => {
    expect(await checkPort(placeWith())).toEqual({ state: 'ok', found: '127.0.0.1:7070 is free' });
    expect(await checkPort(placeWith({ tryListen: async () => 'EADDRINUSE' }, { port: 0 }))).toMatchObject({ state: 'ok' });
    expect(await checkPort(placeWith(taken, RUNNING))).toMatchObject({
      state: 'ok',
      found: '127.0.0.1:7070 is held by the host that runs here',
    });
  });

  it('is taken by a process that is named where /proc shows it', async () => {
    expect(await checkPort(placeWith(taken))).toMatchObject({ state: 'fail', found: '127.0.0.1:7070 is taken by process 12 (nginx)' });
    expect(await checkPort(placeWith({ ...taken, list: async () => [] }))).toMatchObject({
      state: 'fail',
      found: '127.0.0.1:7070 is taken by another process',
    });
    const elsewhere = { ...HOST, url: 'http://127.0.0.1:8080' };
    expect(await checkPort(placeWith(taken, { host: elsewhere, isHeld: true }))).toMatchObject({ state: 'fail' });
    expect(await checkPort(placeWith(taken, { host: HOST }))).toMatchObject({ state: 'fail' });
  });

  it('is taken by another Bellows host, which it does not advise to stop', async () => {
    const seen = await checkPort(placeWith({ ...taken, askPort: async () => ({ dataDir: '/there/.bellows' }) }));
    expect(seen).toMatchObject({
      state: 'fail',
      found: '127.0.0.1:7070 is taken by another Bellows host (process 12 (nginx), data in /there/.bellows)',
    });
    expect(seen.todo).not.toMatch(/stop/i);
    const silent = await checkPort(placeWith({ ...taken, askPort: async () => ({}) }));
    expect(silent.found).toContain('another Bellows host');
  });

  it.each(['EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EMFILE'])('fails with %s', async (code) => {
    expect(await checkPort(placeWith({ tryListen: async () => code }))).toMatchObject({ state: 'fail', todo: expect.any(String) });
  });
});

describe('the data folder', () => {
  const above: Partial<Probes> = { stat: async (file) => (file === '/here' ? { isFolder: true, mode: 0o40755 } : undefined) };

  it('is there and can be written, or can be made', async () => {
    expect(await checkData(placeWith())).toMatchObject({ state: 'ok' });
    expect(await checkData(placeWith(above))).toEqual({ state: 'ok', found: '/here/.bellows is made by the first start' });
    expect(await checkData(placeWith({ ...above, mayWrite: async () => false }))).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('cannot be made in /here'),
    });
    expect(await checkData(placeWith({ stat: async () => ({ isFolder: false, mode: 0 }) }))).toMatchObject({ state: 'fail' });
    expect(await checkData(placeWith({ stat: () => Promise.reject(new Error('EACCES')) }))).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('cannot be reached'),
    });
    const inFile: Partial<Probes> = { stat: async (file) => (file === '/here' ? { isFolder: false, mode: 0o100644 } : undefined) };
    expect(await checkData(placeWith(inFile))).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('/here, which is no folder'),
    });
    for (const code of ['EACCES', 'EROFS', 'ENOSPC']) {
      expect(await checkData(placeWith({ tryFile: async () => code }))).toMatchObject({
        state: 'fail',
        found: expect.stringContaining(code),
      });
    }
  });

  it('has a version that is known', async () => {
    const withVersion = (text: string) => checkDataVersion(placeWith(filesOf({ '/here/.bellows/version': text })));
    expect(await withVersion('1\n')).toEqual({ state: 'ok', found: 'version 1' });
    for (const text of ['3', 'x', '', '1.5']) expect(await withVersion(text)).toMatchObject({ state: 'fail' });
    expect(await checkDataVersion(placeWith({ stat: async () => undefined }))).toMatchObject({ state: 'ok', found: 'no data yet' });
    expect(await checkDataVersion(placeWith())).toMatchObject({ state: 'unknown' });
  });

  it('has databases that a start would take', async () => {
    const withDatabases = (...found: { path: string; fault?: string }[]) => checkDatabases(placeWith({ readDatabases: async () => found }));
    expect(await withDatabases({ path: 'store.db' }, { path: 'a/b.db' })).toEqual({ state: 'ok', found: 'store.db, a/b.db' });
    expect(await withDatabases()).toEqual({ state: 'ok', found: 'none yet' });
    expect(await checkDatabases(placeWith({ stat: async () => undefined }))).toEqual({ state: 'ok', found: 'none yet' });
    expect(
      await withDatabases({ path: 'store.db', fault: 'is empty' }, { path: 'a/b.db' }, { path: 'c.db', fault: 'is damaged (x)' }),
    ).toEqual({
      state: 'fail',
      found: '/here/.bellows/store.db is empty; /here/.bellows/c.db is damaged (x)',
      todo: expect.stringContaining('Restore the data folder from a backup'),
    });
  });

  it('is held by a running host, free, or left behind by one that ended', async () => {
    expect(await checkLock(placeWith())).toEqual({ state: 'ok', found: 'free' });
    expect(await checkLock(placeWith({}, RUNNING))).toMatchObject({ state: 'ok', found: expect.stringContaining('77') });
    expect(await checkLock(placeWith({}, { host: HOST }))).toMatchObject({ state: 'warn', found: expect.stringContaining('77') });
    expect(await checkLock(placeWith({}, { isHeld: true }))).toMatchObject({ state: 'fail' });
    expect(await checkLock(placeWith({}, { isHeld: undefined }))).toMatchObject({ state: 'unknown' });
  });

  it('keeps its token from others', async () => {
    const withMode = (mode: number, platform = 'linux') =>
      checkHostFile(placeWith({ platform, stat: async () => ({ isFolder: false, mode: 0o100000 | mode }) }));
    expect(await withMode(0o600)).toMatchObject({ state: 'ok' });
    expect(await withMode(0o644)).toMatchObject({ state: 'fail', todo: 'Run: chmod 600 "/here/.bellows/host.json"' });
    expect(await withMode(0o644, 'win32')).toMatchObject({ state: 'unknown' });
    expect(await checkHostFile(placeWith({ stat: async () => undefined }))).toMatchObject({ state: 'ok' });
  });

  it.each([
    [0xef53, 'ok', 'ext4'],
    [0x6969, 'warn', 'nfs'],
    // as a signed number, how some systems tell it
    [0xff534d42 | 0, 'warn', 'cifs'],
    [0x01021994, 'warn', 'tmpfs'],
    [0x12345, 'unknown', '0x12345'],
  ])('on a file system of type %i is %s', async (type, state, word) => {
    const fileSystem = async () => ({ type, freeBytes: 1, freeInodes: 1, inodes: 1 });
    expect(await checkDataSystem(placeWith({ fileSystem }))).toMatchObject({ state, found: expect.stringContaining(word) });
    expect(await checkDataSystem(placeWith({ fileSystem, platform: 'darwin' }))).toMatchObject({ state: 'unknown' });
  });

  it.each([
    [10 * 2 ** 30, 100_000, 'ok'],
    [500 * 2 ** 20, 100_000, 'warn'],
    [10 * 2 ** 20, 100_000, 'fail'],
    [10 * 2 ** 30, 500, 'warn'],
    [10 * 2 ** 30, 0, 'fail'],
  ])('with %i bytes and room for %i files is %s', async (freeBytes, freeInodes, state) => {
    const fileSystem = async () => ({ type: 0xef53, freeBytes, freeInodes, inodes: 1_000_000 });
    expect(await checkDataSpace(placeWith({ fileSystem }))).toMatchObject({ state });
  });

  it('may be on a file system that counts no files', async () => {
    const fileSystem = async () => ({ type: 0x9123683e, freeBytes: 10 * 2 ** 30, freeInodes: 0, inodes: 0 });
    expect(await checkDataSpace(placeWith({ fileSystem }))).toEqual({ state: 'ok', found: '10240 MiB free' });
  });
});

describe('git', () => {
  const answer = (ran: Ran, changes: Partial<Probes> = {}) => checkGit(placeWith({ run: async () => ran, ...changes }));

  it('must be new enough for the plugin that needs it', async () => {
    expect(await answer(GIT)).toMatchObject({ state: 'ok', found: expect.stringContaining('2.47') });
    expect(await answer({ how: 'ended', code: 0, output: 'git version 2.37.9 (Apple Git-130)' })).toMatchObject({ state: 'fail' });
    expect(await answer({ how: 'ended', code: 0, output: 'git version 3.0' })).toMatchObject({ state: 'ok' });
  });

  it('may be missing, too old, hang or answer nonsense where no plugin needs it', async () => {
    const readPlugins = async () => ({ problems: [], plugins: ['compute 0.1.0'] });
    for (const ran of [
      { how: 'missing' },
      { how: 'ended', code: 0, output: 'git version 2.37.9' },
      { how: 'hanging' },
      { how: 'failed', reason: 'EACCES' },
      { how: 'ended', code: 1, output: '2.99' },
      { how: 'ended', code: 0, output: '' },
    ] as const) {
      expect(await answer(ran)).toMatchObject({ state: 'fail', todo: expect.any(String) });
      expect(await answer(ran, { readPlugins })).toMatchObject({ state: 'warn', todo: expect.any(String) });
    }
  });
});

describe('bubblewrap', () => {
  const answers = (version: Ran, trial: Ran) =>
    checkBubblewrap(placeWith({ run: async (command) => (command[1] === '--version' ? version : trial) }));
  const VERSION: Ran = { how: 'ended', code: 0, output: 'bubblewrap 0.11.0\n' };

  it('is ok when it can really make a sandbox', async () => {
    expect(await answers(VERSION, { how: 'ended', code: 0, output: '' })).toMatchObject({ state: 'ok' });
    const refused: Ran = { how: 'ended', code: 1, output: 'bwrap: No permissions to create new namespace\nmore' };
    expect(await answers(VERSION, refused)).toMatchObject({
      state: 'warn',
      found: expect.stringMatching(/No permissions to create new namespace\)/),
    });
  });

  it('never fails: nothing needs it yet, and that is said', async () => {
    const missing: Ran = { how: 'missing' };
    for (const finding of [
      await answers(missing, missing),
      await answers(VERSION, { how: 'hanging' }),
      await answers({ how: 'hanging' }, missing),
    ]) {
      expect(finding).toMatchObject({ state: 'warn', todo: expect.stringContaining('Nothing uses it yet') });
    }
    expect(await checkBubblewrap(placeWith({ platform: 'darwin' }))).toMatchObject({ state: 'unknown' });
  });
});

describe('the machine', () => {
  const V2 = { '/sys/fs/cgroup/cgroup.controllers': 'cpu memory', '/proc/self/cgroup': '0::/\n' };

  it('has cores and memory, as the control group allows', async () => {
    expect(await checkCores(placeWith({ cores: 1 }))).toMatchObject({ state: 'warn' });
    expect(await checkCores(placeWith())).toEqual({ state: 'ok', found: '8 cores' });
    expect(await checkMemory(placeWith())).toEqual({ state: 'ok', found: '16384 MiB' });
    expect(await checkMemory(placeWith(filesOf({ ...V2, '/sys/fs/cgroup/memory.max': String(256 * 2 ** 20) })))).toMatchObject({
      state: 'warn',
      found: '256 MiB',
    });
  });

  it('names the limits of its control group', async () => {
    const limited = filesOf({ ...V2, '/sys/fs/cgroup/cpu.max': '150000 100000', '/sys/fs/cgroup/memory.max': '1073741824' });
    expect(await checkControlGroup(placeWith(limited))).toEqual({ state: 'ok', found: 'version 2, at most 1.5 cores, at most 1024 MiB' });
    expect(await checkControlGroup(placeWith(filesOf({ ...V2, '/sys/fs/cgroup/cpu.max': '50000 100000' })))).toMatchObject({
      state: 'warn',
    });
    const unlimited = filesOf({ '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712' });
    expect(await checkControlGroup(placeWith(unlimited))).toEqual({ state: 'ok', found: 'version 1, no CPU limit, no memory limit' });
    expect(await checkControlGroup(placeWith())).toMatchObject({ state: 'warn' });
    expect(await checkControlGroup(placeWith({ platform: 'win32' }))).toMatchObject({ state: 'unknown' });
  });

  it('says how much work waited', async () => {
    const pressure = (ten: string) =>
      checkPressure(placeWith(filesOf({ '/proc/pressure/cpu': `some avg10=${ten} avg60=0.00 avg300=0.00 total=1\nfull avg10=99.00` })));
    expect(await pressure('1.50')).toEqual({ state: 'ok', found: 'work that waited in the last 10 s: cpu 1.50 %' });
    expect(await pressure('60.00')).toMatchObject({ state: 'warn' });
    expect(await checkPressure(placeWith())).toMatchObject({ state: 'unknown' });
  });

  it('may open enough files', async () => {
    expect(await checkOpenFiles(placeWith({ openFiles: async () => 256 }))).toMatchObject({ state: 'warn' });
    expect(await checkOpenFiles(placeWith({ openFiles: async () => Number.POSITIVE_INFINITY }))).toEqual({
      state: 'ok',
      found: 'no limit',
    });
    expect(await checkOpenFiles(placeWith({ openFiles: async () => undefined }))).toMatchObject({ state: 'unknown' });
  });

  it('has a temporary folder to write to and to run from', async () => {
    expect(await checkTemporaryFolder(placeWith())).toMatchObject({ state: 'ok' });
    expect(await checkTemporaryFolder(placeWith({ tryFile: async () => 'EROFS' }))).toMatchObject({ state: 'fail' });
    const noexec: Probes['tryFile'] = async (_folder, { executable }) => (executable ? 'EACCES' : undefined);
    expect(await checkTemporaryFolder(placeWith({ tryFile: noexec }))).toMatchObject({ state: 'warn' });
  });
});

describe('the clock', () => {
  const NOW = Date.UTC(2026, 2, 1);

  it('must be set and steady', async () => {
    expect(await checkClock(placeWith())).toMatchObject({ state: 'ok' });
    expect(await checkClock(placeWith({ clock: clockAt(0) }))).toMatchObject({ state: 'fail' });
    for (const skewMs of [5_000, -5_000]) {
      expect(await checkClock(placeWith({ clock: clockAt(NOW, { skewMs }) }))).toMatchObject({
        state: 'warn',
        found: expect.stringContaining(`${skewMs} ms`),
      });
    }
  });

  it('has timers that come in time', async () => {
    expect(await checkTimers(placeWith())).toEqual({ state: 'ok', found: 'a timer of 1 ms takes 1.0 ms' });
    expect(await checkTimers(placeWith({ clock: clockAt(NOW, { slowness: 120 }) }))).toMatchObject({ state: 'warn' });
  });

  it('is kept by a service where one is seen', async () => {
    const nothing = { stat: async () => undefined };
    expect(await checkTimeService(placeWith())).toMatchObject({ state: 'ok' });
    expect(await checkTimeService(placeWith(nothing))).toMatchObject({ state: 'unknown' });
    const chrony = {
      ...nothing,
      list: async () => ['self', '9'],
      readText: async (file: string) => (file === '/proc/9/comm' ? 'chronyd\n' : undefined),
    };
    expect(await checkTimeService(placeWith(chrony))).toEqual({ state: 'ok', found: 'chronyd runs' });
    expect(await checkTimeService(placeWith({ platform: 'darwin' }))).toMatchObject({ state: 'unknown' });
  });
});
