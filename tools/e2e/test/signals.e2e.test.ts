import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withBuiltClone } from './built-clone.js';
import { descendants, isRunning } from './processes.js';
import { COMPUTE, cleanEnv, follow, HOST_MAIN, REPOSITORY, startHost, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';
import { base64, SPIN } from './wasm-samples.js';

const clone = withBuiltClone();

describe('a signal to the host', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s stops plugins in reverse order of their needs and ends with 0', async (signal) => {
    const folder = tempFolder();
    const note = (id: string) => `const { appendFileSync } = await import('node:fs');
    appendFileSync(${JSON.stringify(path.join(folder, 'order.txt'))}, '+${id} ');
    ctx.own(() => appendFileSync(${JSON.stringify(path.join(folder, 'order.txt'))}, '-${id} '));`;
    const host = await startHost({
      folder,
      config: {
        plugins: {
          third: { from: writePlugin(folder, { id: 'third', needs: ['second'], activate: note('third') }) },
          first: { from: writePlugin(folder, { id: 'first', activate: note('first') }) },
          second: { from: writePlugin(folder, { id: 'second', needs: ['first'], activate: note('second') }) },
        },
      },
    });
    expect(await host.stop(signal)).toMatchObject({ code: 0, signal: null });
    expect(readFileSync(path.join(folder, 'order.txt'), 'utf8').trim()).toBe('+first +second +third -third -second -first');
    expect(existsSync(path.join(host.dataDir, 'host.json'))).toBe(false);
  });

  it('goes on with the others when one plugin throws or hangs while it stops', async () => {
    const folder = tempFolder();
    const host = await startHost({
      folder,
      config: {
        plugins: {
          base: {
            from: writePlugin(folder, {
              id: 'base',
              activate: `ctx.own(async () => { const { writeFileSync } = await import('node:fs'); writeFileSync(${JSON.stringify(path.join(folder, 'stopped'))}, ''); });`,
            }),
          },
          sour: { from: writePlugin(folder, { id: 'sour', needs: ['base'], activate: `ctx.own(() => { throw new Error('never'); });` }) },
          stuck: {
            from: writePlugin(folder, { id: 'stuck', needs: ['base'], activate: 'ctx.own(() => new Promise(() => {}));' }),
            stopTimeoutMs: 200,
          },
        },
      },
    });
    const exit = await host.stop();
    expect([exit.code, exit.stderr]).toEqual([1, expect.stringContaining('not everything ended in time')]);
    expect(existsSync(path.join(folder, 'stopped'))).toBe(true);
    expect(exit.stderr).toContain('sour');
    expect(exit.stderr).toContain('stuck');
  });

  it('ends running guests too', async () => {
    const host = await startHost({ config: { plugins: { compute: { from: COMPUTE } } } });
    await host.call('compute.put', { name: 'spinner', wasm: base64(SPIN) });
    const call = host.call('compute.invoke', { module: 'spinner', export: 'spin', deadlineMs: 60_000 }).catch(() => undefined);
    await until('the guest to run', async () => (await host.request('/v1/status')).json.subsystems[0].metrics.inUse === 1);
    const below = descendants(host.pid);
    expect((await host.stop()).code).toBe(0);
    await until('the executors to end', () => below.every((pid) => !isRunning(pid)));
    await call;
  });

  it('SIGKILL leaves no executor behind', async () => {
    const host = await startHost({ config: { plugins: { compute: { from: COMPUTE } } } });
    await host.call('compute.put', { name: 'spinner', wasm: base64(SPIN) });
    const call = host.call('compute.invoke', { module: 'spinner', export: 'spin', deadlineMs: 60_000 }).catch(() => undefined);
    const below = await until('an executor', () => {
      const pids = descendants(host.pid);
      return pids.length > 0 && pids;
    });
    await host.stop('SIGKILL');
    await until('the executors to end', () => below.every((pid) => !isRunning(pid)));
    await call;
  });
});

describe('a signal to everything that runs, as services get it', () => {
  it('is one wish, though the launcher of a clone passes it on: it reloads, and it stops in order', async () => {
    const folder = tempFolder();
    const slow = 'ctx.own(() => new Promise((resolve) => setTimeout(resolve, 500)));';
    const file = writeConfig(folder, { plugins: { slow: { from: writePlugin(folder, { id: 'slow', activate: slow }) } } });
    const launcher = follow(
      spawn(process.execPath, [path.join(REPOSITORY, 'tools/bellows.mjs'), 'start', '--config', file], {
        cwd: folder,
        env: cleanEnv(),
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    await until('the host', () => launcher.output().stdout.includes('is ready'));
    const [host] = descendants(launcher.pid);
    process.kill(-launcher.pid, 'SIGHUP');
    await until('the reload', () => launcher.output().stderr.includes('reload (by a signal)'));
    process.kill(-launcher.pid, 'SIGTERM');
    process.kill(-launcher.pid, 'SIGTERM');
    const { code, stderr } = await launcher.exit;
    expect([code, stderr]).toEqual([0, expect.stringMatching(/ stopped\n$/)]);
    expect(isRunning(host as number)).toBe(false);
  });
});

/** Of util-linux: gives a program a terminal of its own, also where the test has none. That of other systems takes other options. */
const HAS_TERMINAL = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

describe.each(HAS_TERMINAL ? ['closes'] : [])('a terminal that %s', () => {
  it.each([
    // This shell tells the host, as an interactive one does, and stays to note how it ended.
    [
      'bellows start',
      HOST_MAIN,
      (start: string) => `trap 'kill -HUP $host' HUP; ${start} & host=$!; wait $host; wait $host; echo $? > code`,
    ],
    // This one ends with the terminal: the host is told by the system and by whoever runs it, who then has no parent any more.
    ['npm start', undefined, (start: string) => `${start}; true`],
  ])('lets %s stop in order', async (name, given, line) => {
    const folder = tempFolder();
    // Longer than it takes to find that the parent has gone.
    const slow = 'ctx.own(() => new Promise((resolve) => setTimeout(resolve, 1_000)));';
    const file = writeConfig(folder, { plugins: { slow: { from: writePlugin(folder, { id: 'slow', activate: slow }) } } });
    const { node, folder: cloned } = clone();
    const program = given === undefined ? `'${node}' '${cloned}/tools/run.mjs'` : `'${process.execPath}' '${given}'`;
    const start = `${program} start --config '${file}'`;
    const terminal = follow(
      spawn('script', ['--quiet', '--return', '--command', line(start), '/dev/null'], {
        cwd: folder,
        env: cleanEnv({ SHELL: '/bin/sh' }),
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
    await until('the host', () => terminal.output().stdout.includes('is ready'));
    const data = path.join(folder, '.bellows');
    const { pid } = JSON.parse(readFileSync(path.join(data, 'host.json'), 'utf8'));
    terminal.child.kill('SIGKILL');
    await until('the host to end', () => !isRunning(pid));
    expect(readFileSync(path.join(data, 'logs', 'host.log'), 'utf8')).toContain('"msg":"stopped"');
    expect(existsSync(path.join(data, 'host.json'))).toBe(false);
    if (name === 'npm start') return;
    const code = await until(
      'the exit code',
      () => existsSync(path.join(folder, 'code')) && readFileSync(path.join(folder, 'code'), 'utf8'),
    );
    expect(code).toBe('0\n');
  });
});

describe('npm start', () => {
  it('leaves no host behind when its shell is killed', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, {});
    const { node, folder: cloned } = clone();
    // the words after the command keep the shell from replacing itself with it
    const line = `"${node}" tools/run.mjs start --config "${file}" --json; true`;
    const shell = follow(spawn('sh', ['-c', line], { cwd: cloned, env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] }));
    const state = path.join(folder, '.bellows', 'host.json');
    const { pid } = await until('the host', () => existsSync(state) && JSON.parse(readFileSync(state, 'utf8')));
    const below = descendants(shell.pid);
    expect(below).toContain(pid);
    shell.child.kill('SIGKILL');
    await until('the host to stop', () => !isRunning(pid));
    await until('everything else to end', () => below.every((other) => !isRunning(other)));
    expect(existsSync(state)).toBe(false);
  });

  it('passes SIGTERM on to the host and waits for it', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, {});
    const { node, folder: cloned } = clone();
    const running = follow(
      spawn(node, ['tools/run.mjs', 'start', '--config', file, '--json'], {
        cwd: cloned,
        env: cleanEnv(),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    const state = path.join(folder, '.bellows', 'host.json');
    const { pid } = await until('the host', () => existsSync(state) && JSON.parse(readFileSync(state, 'utf8')));
    running.child.kill('SIGTERM');
    expect((await running.exit).code).toBe(0);
    expect(isRunning(pid)).toBe(false);
  });
});
