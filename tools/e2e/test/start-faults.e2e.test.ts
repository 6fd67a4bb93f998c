import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMPUTE, GREETER, runBellows, startHost, startProcess, WORKFLOW, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';

describe('a machine that does not fit', () => {
  // A folder without permission cannot be shown to root, and tests often run as root; a file in the folder's place fails everywhere.
  it('ends with 2 when the data folder is a file, and says which', async () => {
    const folder = tempFolder();
    const dataDir = path.join(folder, 'data');
    writeFileSync(dataDir, 'a file');
    const file = writeConfig(folder, { host: { dataDir } });
    const { code, stderr } = await runBellows(['start', '--config', file], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain(dataDir);
    expect(readFileSync(dataDir, 'utf8')).toBe('a file');
  });

  const unlessRoot = process.getuid?.() === 0 ? 'a folder below a file' : 'a folder that may not be written';
  it(`ends with 2 when the data folder cannot be made (${unlessRoot})`, async () => {
    const folder = tempFolder();
    const parent = path.join(folder, 'parent');
    if (process.getuid?.() === 0) writeFileSync(parent, '');
    else mkdirSync(parent, { mode: 0o500 });
    const file = writeConfig(folder, { host: { dataDir: path.join(parent, 'data') } });
    const { code, stderr } = await runBellows(['start', '--config', file], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain(path.join(parent, 'data'));
  });

  it('refuses a data folder of a newer version', async () => {
    const folder = tempFolder();
    mkdirSync(path.join(folder, '.bellows'));
    writeFileSync(path.join(folder, '.bellows', 'version'), '999\n');
    const file = writeConfig(folder, {});
    const { code, stderr } = await runBellows(['start', '--config', file], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('999');
  });

  it('ends with 2 when the port is in use, names it, and leaves no data folder behind', async () => {
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as net.AddressInfo;
    const folder = tempFolder();
    const file = writeConfig(folder, { host: { port } });
    const { code, stderr } = await runBellows(['start', '--config', file], { cwd: folder });
    await new Promise((resolve) => taken.close(resolve));
    expect(code).toBe(2);
    expect(stderr).toContain(String(port));
    expect(existsSync(path.join(folder, '.bellows'))).toBe(false);
    const host = await startHost({ folder });
    expect((await host.stop()).code).toBe(0);
  });

  it('ends in order when it is told to while a pipe that somebody holds open gives it no configuration', async () => {
    const folder = tempFolder();
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const start = startProcess(['start', '--config', pipe], { cwd: folder });
    // this can be opened once somebody reads
    const held = await until('the host to read', () => {
      try {
        return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      } catch {
        return undefined;
      }
    });
    try {
      start.child.kill('SIGTERM');
      expect(await start.exit).toMatchObject({ code: 0, signal: null });
    } finally {
      closeSync(held);
    }
  });

  it('refuses a second host on the same data and leaves the first alone', async () => {
    const first = await startHost();
    const { code, stderr } = await runBellows(['start', '--config', path.join(first.folder, 'bellows.yaml')], { cwd: first.folder });
    expect(code).toBe(4);
    expect(stderr).toContain('DATA_IN_USE');
    expect(stderr).toContain(String(first.pid));
    expect((await first.request('/ready')).status).toBe(200);
    expect(JSON.parse(readFileSync(path.join(first.dataDir, 'host.json'), 'utf8')).pid).toBe(first.pid);
    await first.stop();
  });

  it('ends with 2 when the data is damaged, be it of the host or of a plugin', async () => {
    const folder = tempFolder();
    const config = { plugins: { workflow: { from: WORKFLOW } } };
    const file = writeConfig(folder, config);
    const data = path.join(folder, '.bellows');
    mkdirSync(path.join(data, 'workflow'), { recursive: true });
    writeFileSync(path.join(data, 'workflow/flow.db'), 'no database '.repeat(1_000));
    const damaged = await runBellows(['start', '--config', file], { cwd: folder });
    expect([damaged.code, damaged.stderr]).toEqual([2, expect.stringContaining('(FLOW_STORE_CORRUPT)')]);
    expect(existsSync(path.join(data, 'logs/host.log'))).toBe(true);
    rmSync(path.join(data, 'workflow'), { recursive: true });
    writeFileSync(path.join(data, 'store.db'), 'no database '.repeat(1_000));
    const store = await runBellows(['start', '--config', file], { cwd: folder });
    expect([store.code, store.stderr]).toEqual([2, expect.stringContaining('(STORE_CORRUPT)')]);
  });

  it('takes over the data of a host that was killed', async () => {
    const first = await startHost();
    expect((await first.stop('SIGKILL')).signal).toBe('SIGKILL');
    const second = await startHost({ folder: first.folder });
    expect((await second.request('/ready')).status).toBe(200);
    expect((await second.stop()).code).toBe(0);
  });
});

describe('a policy for a subsystem that is not there', () => {
  it('does not hinder the start, and the log names what was probably meant', async () => {
    const folder = tempFolder();
    const host = await startHost({
      folder,
      config: {
        governor: { subsystems: { 'compute.wsam': { weight: 2 }, 'workflow.pipeline': {} } },
        plugins: { compute: { from: COMPUTE } },
      },
    });
    expect((await host.request('/ready')).status).toBe(200);
    const { stderr } = await host.stop();
    expect(stderr).toContain('governor.subsystems.compute.wsam is for a subsystem that is not there: did you mean compute.wasm?');
    expect(stderr).toContain('governor.subsystems.workflow.pipeline is for a subsystem that is not there');
  });
});

describe('a plugin that fails while it is activated', () => {
  // the limit holds for the loading of the code too, which takes some ms
  const hasLimit = { activateTimeoutMs: 1_000 };
  const faults = [
    { id: 'thrower', limits: {}, activate: `throw new Error('no luck today');`, says: /no luck today/ },
    { id: 'hanger', limits: hasLimit, activate: 'await new Promise(() => {});', says: /within 1000 ms/ },
    {
      id: 'holder',
      limits: hasLimit,
      // this one holds the loop open
      activate: 'setInterval(() => {}, 50); await new Promise(() => {});',
      says: /within 1000 ms/,
    },
  ];

  it('ends the start when it is required, naming plugin and phase', async () => {
    const starts = faults.map(async ({ id, activate, limits, says }) => {
      const folder = tempFolder();
      const from = writePlugin(folder, { id, activate });
      const file = writeConfig(folder, { plugins: { greeter: { from: GREETER }, [id]: { from, ...limits } } });
      const { code, stderr } = await runBellows(['start', '--config', file], { cwd: folder });
      expect([id, code, stderr]).toEqual([id, 1, expect.stringMatching(says)]);
      expect(stderr).toContain(id);
      expect(stderr).toContain('activate');
      expect(existsSync(path.join(folder, '.bellows', 'host.json'))).toBe(false);
    });
    await Promise.all(starts);
  });

  it('does not hinder the others when it is not required, and its state says why', async () => {
    const folder = tempFolder();
    const plugins: Record<string, unknown> = { greeter: { from: GREETER } };
    for (const { id, activate, limits } of faults)
      plugins[id] = { from: writePlugin(folder, { id, activate }), required: false, ...limits };
    plugins.behind = { from: writePlugin(folder, { id: 'behind', needs: ['thrower'] }), required: false };
    const host = await startHost({ folder, config: { plugins } });
    const ready = await host.request('/ready');
    expect(ready.status).toBe(200);
    const states = new Map(ready.json.plugins.map((plugin: { id: string }) => [plugin.id, plugin]));
    expect(states.get('greeter')).toMatchObject({ state: 'active' });
    expect(states.get('thrower')).toMatchObject({
      state: 'failed',
      reason: 'PLUGIN_THREW',
      message: expect.stringContaining('no luck today'),
    });
    expect(states.get('hanger')).toMatchObject({ state: 'failed', reason: 'PLUGIN_TIMEOUT', message: expect.stringContaining('1000') });
    expect(states.get('behind')).toMatchObject({ state: 'blocked', message: expect.stringContaining('thrower') });
    expect((await host.call('greeter.greet', { name: 'Ada' })).json).toEqual({ greeting: 'Hello, Ada!' });
    expect((await host.stop()).code).toBe(0);
  });

  it.each([0, 7])('is named when it ends the process with status %d, which then is no success', async (status) => {
    const folder = tempFolder();
    const from = writePlugin(folder, { id: 'quitter', activate: `process.exit(${status});` });
    const file = writeConfig(folder, { plugins: { quitter: { from } } });
    const { code, stderr } = await runBellows(['start', '--config', file], { cwd: folder });
    expect(code).not.toBe(0);
    expect(stderr).toContain('quitter');
    expect(stderr).toContain('activate');
  });

  it('is told apart from a package that is no plugin at all', async () => {
    const folder = tempFolder();
    const from = writePlugin(folder, { id: 'impostor' });
    writeFileSync(path.join(from, 'index.mjs'), 'export default { id: "impostor" };\n');
    const file = writeConfig(folder, { plugins: { impostor: { from } } });
    const { code, stderr } = await runBellows(['start', '--config', file], { cwd: folder });
    expect(code).not.toBe(0);
    expect(stderr).toContain('impostor');
    expect(stderr).toContain('definePlugin');
  });
});
