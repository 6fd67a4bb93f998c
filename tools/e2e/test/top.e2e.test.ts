import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { descendants } from './processes.js';
import { COMPUTE, cleanEnv, follow, HOST_MAIN, type RunningHost, startHost, startProcess } from './running-host.js';
import { until } from './until.js';

const LEAVE = '\u001b[?1049l';
/** Of util-linux: gives a program a terminal of its own, also where the test has none. That of other systems takes other options. */
const HAS_TERMINAL = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

const config = { plugins: { compute: { from: COMPUTE } } };

describe('bellows top', () => {
  it('prints one frame of a running host where there is no terminal', async () => {
    const host = await startHost({ config });
    const { code, stdout, stderr } = await host.bellows(['top', '--once', '--interval', '200'], { env: { LC_ALL: 'C.UTF-8' } });
    expect([code, stderr]).toEqual([0, '']);
    for (const word of ['ready', `process ${host.pid}`, 'compute.wasm', 'DONE/S', 'active   compute', 'DECISIONS'])
      expect(stdout).toContain(word);
    expect(stdout).not.toContain('\u001b');
    await host.stop();
    expect((await host.bellows(['top', '--once'])).code).toBe(3);
  });

  it('streams lines of JSON and ends when nobody reads any more', async () => {
    const host = await startHost({ config });
    const running = startProcess(['top', '--json', '--interval', '100'], { cwd: host.folder });
    await until('three lines', () => running.output().stdout.split('\n').length > 3);
    const [line = ''] = running.output().stdout.split('\n');
    expect(JSON.parse(line)).toMatchObject({ status: { pid: host.pid }, connection: { state: 'live' } });
    running.child.stdout?.destroy();
    expect((await running.exit).code).toBe(0);
  });

  describe.each(HAS_TERMINAL ? ['xterm'] : [])('in a terminal of its own, %s', (terminal) => {
    it('draws, takes keys, and leaves the terminal as it was', async () => {
      const { screen, host } = await open(terminal);
      await screen.shows('compute.wasm');
      screen.press('\r');
      await screen.shows('(plugin compute)');
      screen.press('q');
      expect((await screen.ended).code).toBe(0);
      expect(screen.text()).toContain(`${LEAVE}ended with 0`);
      expect(modes(host, 'after')).toBe(modes(host, 'before'));
    });

    it('leaves the terminal as it was when it is told to end', async () => {
      const { screen, host } = await open(terminal);
      await screen.shows('compute.wasm');
      process.kill(await screen.pid(), 'SIGTERM');
      await screen.ended;
      expect(screen.text()).toContain(LEAVE);
      expect(screen.text()).toContain('ended with 130');
      expect(modes(host, 'after')).toBe(modes(host, 'before'));
    });

    it('leaves the terminal as it was when it dies of an error nobody caught, and the error can be read', async () => {
      const crash = "process.on('SIGUSR2', () => { throw new Error('the test made it crash') })";
      const { screen, host } = await open(terminal, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(crash)}` });
      await screen.shows('compute.wasm');
      process.kill(await screen.pid(), 'SIGUSR2');
      await screen.ended;
      expect(screen.text().indexOf(LEAVE)).toBeGreaterThan(0);
      expect(screen.text().indexOf('the test made it crash')).toBeGreaterThan(screen.text().indexOf(LEAVE));
      expect(screen.text()).toContain('ended with 1\r');
      expect(modes(host, 'after')).toBe(modes(host, 'before'));
    });

    it('waits for a host that was killed, and goes on with the next one', async () => {
      const { screen, host } = await open(terminal);
      await screen.shows('compute.wasm');
      await host.stop('SIGKILL');
      await screen.shows('no connection');
      const next = await startHost({ folder: host.folder, config });
      await screen.shows(`process ${next.pid}`);
      screen.press('q');
      expect((await screen.ended).code).toBe(0);
    });
  });
});

async function open(terminal: string, env: Readonly<Record<string, string>> = {}) {
  const host = await startHost({ config });
  const top = `'${process.execPath}' '${HOST_MAIN}' top --interval 200`;
  const commands = `stty rows 30 cols 100; stty -a > before; ${top}; printf 'ended with %s\\n' $?; stty -a > after`;
  const child = spawn('script', ['--quiet', '--return', '--command', commands, '/dev/null'], {
    cwd: host.folder,
    env: cleanEnv({ TERM: terminal, SHELL: '/bin/sh', LC_ALL: 'C.UTF-8', ...env }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const started = follow(child);
  const screen = {
    ended: started.exit,
    text: () => started.output().stdout,
    shows: (text: string) => until(`"${text}" on the screen`, () => started.output().stdout.includes(text)),
    press: (key: string) => child.stdin?.write(key),
    pid: () => until('the process of top', () => descendants(started.pid).find((pid) => commandOf(pid).includes('top'))),
  };
  return { host, screen };
}

/** '' when it is no Node.js, or has ended meanwhile. */
function commandOf(pid: number): string {
  try {
    const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return program === process.execPath ? args.join(' ') : '';
  } catch {
    return '';
  }
}

function modes(host: RunningHost, when: 'before' | 'after'): string {
  return readFileSync(path.join(host.folder, when), 'utf8');
}
