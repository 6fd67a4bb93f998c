import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HARNESS, type RunOptions, runBellows, startHost, startProcess, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)))));

interface Seen {
  readonly code: number | null;
  readonly counts: { readonly fail: number };
  readonly of: (id: string) => { readonly state: string; readonly found: string; readonly todo?: string };
}

async function doctor(folder: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Seen> {
  const { code, stdout, stderr } = await runBellows(['doctor', '--json', ...args], { cwd: folder, ...options });
  expect(stderr).toBe('');
  const { ok, counts, findings } = JSON.parse(stdout);
  expect([ok, code]).toEqual(counts.fail === 0 ? [true, 0] : [false, 1]);
  return { code, counts, of: (id) => findings.find((finding: { id: string }) => finding.id === id) };
}

describe('bellows doctor', () => {
  // It waits for seconds, the others meanwhile do not.
  let hanging: Promise<() => Seen>;
  beforeAll(() => {
    const folder = tempFolder();
    writeConfig(folder, {});
    const programs = tempFolder();
    writeFileSync(path.join(programs, 'git'), '#!/bin/sh\nexec /bin/sleep 600\n', { mode: 0o755 });
    hanging = doctor(folder, [], { env: { PATH: programs } }).then(
      (seen) => () => seen,
      (error: unknown) => () => {
        throw error;
      },
    );
  });

  it('finds nothing that fails where a host can run, and leaves nothing behind', async () => {
    const folder = tempFolder();
    writeConfig(folder, { plugins: { harness: { from: HARNESS } } });
    const { code, of } = await doctor(folder);
    expect(code).toBe(0);
    for (const id of ['node', 'configuration', 'plugins', 'port', 'data folder', 'git']) expect([id, of(id).state]).toEqual([id, 'ok']);
    expect(of('plugins').found).toContain('harness');
    expect(readdirSync(folder)).toEqual(['bellows.yaml']);
  });

  it('says it for people, what is worst first', async () => {
    const { code, stdout, stderr } = await runBellows(['doctor'], { cwd: tempFolder() });
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/^fail +configuration +.*bellows\.yaml/);
    expect(stdout).toMatch(/\n {20,}> Mend it/);
    expect(stdout).toMatch(/A host cannot run well here: \d+ fault/);
  });

  it('says before a start what the start would refuse: a store that is damaged', async () => {
    const folder = tempFolder();
    writeConfig(folder, {});
    mkdirSync(path.join(folder, '.bellows'));
    writeFileSync(path.join(folder, '.bellows/store.db'), 'garbage '.repeat(1_000));
    const { code, of } = await doctor(folder);
    expect([code, of('databases').state]).toEqual([1, 'fail']);
    expect(of('databases').found).toContain(path.join(folder, '.bellows/store.db'));
  });

  it('takes a broken configuration, one that is a folder, and one that is not there', async () => {
    const broken = tempFolder();
    writeConfig(broken, 'host: { port: many, hots: 1 }\nplugins: { x: { from: ./nowhere } }\n');
    const seen = await doctor(broken);
    expect(seen.of('configuration')).toMatchObject({ state: 'fail', found: expect.stringContaining('host.port') });
    expect(seen.of('plugins')).toMatchObject({ state: 'fail', found: expect.stringContaining('nowhere') });
    writeFileSync(path.join(broken, 'not.yaml'), '{ a: [ \u0000');
    for (const config of [broken, 'not.yaml', 'missing.yaml']) {
      expect((await doctor(broken, ['--config', config])).of('configuration').state).toBe('fail');
    }
  });

  it('names the process that holds the port', async () => {
    // answers at once, so that nobody waits for more; reads, so that a connection ends when the other side does
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('no HTTP\n'),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const folder = tempFolder();
    writeConfig(folder, { host: { port } });
    const { code, of } = await doctor(folder);
    expect(code).toBe(1);
    expect(of('port')).toMatchObject({ state: 'fail', found: expect.stringContaining(`127.0.0.1:${port} is taken by`) });
    if (process.platform === 'linux') expect(of('port').found).toContain(`process ${process.pid}`);
  });

  it('says that a data folder cannot be made below a file, or below a folder that is closed', async () => {
    const folder = tempFolder();
    writeConfig(folder, {});
    const { code, of } = await doctor(folder, ['--data', path.join(folder, 'bellows.yaml', 'data')]);
    expect(code).toBe(1);
    expect(of('data folder')).toMatchObject({ state: 'fail', found: expect.stringContaining('which is no folder') });
    chmodSync(folder, 0o500);
    const isRoot = process.getuid?.() === 0; // may write everywhere
    expect((await doctor(folder, ['--data', path.join(folder, 'data')])).of('data folder').state).toBe(isRoot ? 'ok' : 'fail');
    chmodSync(folder, 0o700);
  });

  it('asks the host that runs here, and tells one that was killed from one that runs', async () => {
    const host = await startHost({ config: { plugins: {} } });
    const running = await doctor(host.folder);
    expect(running.code).toBe(0);
    expect(running.of('host')).toMatchObject({ state: 'ok', found: expect.stringMatching(new RegExp(`process ${host.pid} .*ready`)) });
    expect(running.of('data lock')).toMatchObject({ state: 'ok', found: expect.stringContaining(String(host.pid)) });
    expect(running.of('host.json').state).toBe('ok');
    chmodSync(path.join(host.dataDir, 'host.json'), 0o644);
    expect((await doctor(host.folder)).of('host.json')).toMatchObject({ state: 'fail', todo: expect.stringContaining('chmod 600') });
    chmodSync(path.join(host.dataDir, 'host.json'), 0o600);
    await host.stop('SIGKILL');
    const left = await doctor(host.folder);
    expect(left.code).toBe(0);
    expect(left.of('data lock')).toMatchObject({ state: 'warn', found: expect.stringContaining(String(host.pid)) });
  });

  it('misses git where a plugin needs it, and only warns where none does', async () => {
    const folder = tempFolder();
    const nothing = { env: { PATH: tempFolder() } };
    writeConfig(folder, { plugins: { harness: { from: HARNESS } } });
    expect((await doctor(folder, [], nothing)).of('git')).toMatchObject({ state: 'fail', todo: expect.stringContaining('Install git') });
    writeConfig(folder, {});
    const without = await doctor(folder, [], nothing);
    expect([without.code, without.of('git').state]).toEqual([0, 'warn']);
  });

  it('can be interrupted while a disk hangs, and ended by a second signal', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'bellows.yaml');
    execFileSync('mkfifo', [file]);
    const doctor = startProcess(['doctor'], { cwd: folder });
    const writer = await open(file, 'w'); // opens when somebody reads, and says nothing
    process.kill(doctor.pid, 'SIGINT');
    await until('it says so', () => doctor.output().stderr.includes('interrupted'));
    const again = setInterval(() => doctor.child.kill('SIGINT'), 50);
    await doctor.exit.finally(() => clearInterval(again));
    await writer.close();
  });

  it('does not wait for a git that hangs', async () => {
    const { code, of } = await (await hanging)();
    expect(code).toBe(0);
    expect(of('git')).toMatchObject({ state: 'warn', found: expect.stringContaining('does not answer') });
  });
});
