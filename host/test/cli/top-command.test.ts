import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DECISION, type LoopbackHost, startLoopbackHost, TOKEN } from '../http/loopback-host.js';
import { bellows, type Terminal } from './terminal.js';

const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?1049l';
const UTF8 = { LANG: 'en_GB.UTF-8' };

let host: LoopbackHost;
let here: NonNullable<Terminal['host']>;
beforeEach(async () => {
  host = await startLoopbackHost();
  here = { url: host.server.url, token: TOKEN };
});
afterEach(() => host.close());

describe('bellows top without a terminal', () => {
  it('prints one frame as text and ends', async () => {
    for (const argv of [
      ['top', '--interval', '100'],
      ['top', '--once', '--interval', '100'],
    ]) {
      const { code, stdout, stderr } = await bellows(argv, { host: here, env: UTF8 });
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Bellows 0\.1\.0 {2}ready/);
      expect(stdout).toContain('demo.pool');
      expect(stdout).toContain(DECISION.reason);
      expect(stdout).toContain('▅');
      expect(stdout).not.toContain('\u001b');
    }
  });

  it('draws with ASCII where the locale says nothing of UTF-8, and prints once on a dumb terminal', async () => {
    const terminal: Terminal = { host: here, isTTY: true, columns: 90, rows: 20, env: { TERM: 'dumb' } };
    const { code, stdout } = await bellows(['top', '--interval', '100'], terminal);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(90);
  });

  it('prints one line of JSON for each reading until it is interrupted', async () => {
    const interrupted = new AbortController();
    let text = '';
    const { code, stdout } = await bellows(['top', '--json', '--interval', '100'], {
      host: here,
      signal: interrupted.signal,
      onOutput: (chunk) => {
        text += chunk;
        if (text.split('\n').length > 3) interrupted.abort();
      },
    });
    expect(code).toBe(130);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines[0]).toMatchObject({
      url: here.url,
      connection: { state: 'live' },
      status: { version: '0.1.0' },
      rates: { 'demo.pool': null },
    });
    expect(lines[2]).toMatchObject({ rates: { 'demo.pool': { completedPerSecond: 0 } }, decisions: [{ id: DECISION.id }] });
  });

  it('prints one line alone with --once', async () => {
    const { code, json } = await bellows(['top', '--json', '--once', '--interval', '100'], { host: here });
    expect([code, json.rates['demo.pool']]).toEqual([0, { completedPerSecond: 0, rejectedPerSecond: 0 }]);
  });

  it('says that no host is there, and leaves the terminal alone', async () => {
    const terminal: Terminal = { isTTY: true, columns: 80, rows: 24 };
    expect(await bellows(['top'], terminal)).toMatchObject({ code: 3, stdout: '' });
    expect(await bellows(['top'], { ...terminal, host: { url: 'http://127.0.0.1:9', token: 'x' } })).toMatchObject({ code: 3, stdout: '' });
    expect(await bellows(['top', '--interval', '10'], terminal)).toMatchObject({ code: 2, stdout: '' });
    expect(await bellows(['top', '--once', '--interval', '100'], { host: here, signal: AbortSignal.abort() })).toMatchObject({
      code: 130,
      stdout: '',
    });
  });
});

describe('bellows top in a terminal', () => {
  it('takes the screen, draws, and gives the screen back with q', async () => {
    const { code, stdout, raw } = await live([['demo.pool', 'q']]);
    expect(code).toBe(0);
    expect(stdout.startsWith(ENTER)).toBe(true);
    expect(stdout.endsWith(LEAVE)).toBe(true);
    expect(raw).toEqual([true, false]);
  });

  it('gives it back with Ctrl-C, which is a key there', async () => {
    expect(await live([['demo.pool', '\u0003']])).toMatchObject({ code: 0, stdout: expect.stringMatching(/1049l$/) });
  });

  it('gives it back when a signal ends it', async () => {
    const interrupted = new AbortController();
    const ran = await live([['demo.pool', () => interrupted.abort()]], { signal: interrupted.signal });
    expect(ran).toMatchObject({ code: 130, raw: [true, false] });
    expect(ran.stdout).toMatch(/1049l$/);
  });

  it('gives it back when the process dies of an error nobody caught', async () => {
    let restore = () => {};
    let withdrawn = 0;
    const onEnd = (given: () => void) => {
      restore = given;
      return () => (withdrawn += 1);
    };
    let left = '';
    const ran = await live(
      [
        ['demo.pool', () => restore()],
        [LEAVE, 'q'],
      ],
      { onEnd, onOutput: (chunk) => (left += chunk) },
    );
    expect(ran).toMatchObject({ code: 0, raw: [true, false] });
    expect(left.split(LEAVE)).toHaveLength(2);
    expect(withdrawn).toBe(1);
  });

  it('shows what the host reports, as it reports it', async () => {
    const { stdout } = await live(
      [
        [
          'demo.pool',
          () =>
            host.bus.publish({ topic: 'decision', payload: { ...DECISION, id: 'd2', at: DECISION.at + 1, reason: 'because of the test' } }),
        ],
        [
          'because of the test',
          () => host.bus.publish({ topic: 'backpressure', payload: { subsystem: 'demo.pool', from: 'warning', to: 'shedding' } }),
        ],
        ['shedding', 'q'],
      ],
      { intervalMs: 1_000_000 },
    );
    expect(stdout).toContain('because of the test');
  });

  it('explains, helps, sorts and pauses by keys', async () => {
    const { stdout } = await live([
      ['demo.pool', '\r'],
      ['(plugin demo)', '\u001b'],
      ['DECISIONS', '?'],
      ['now as the host lists them', 's'],
      ['now in use', 'p'],
      ['paused', 'q'],
    ]);
    expect(stdout).toContain('limited by');
  });

  it('says that the host has gone, finds the next one, and goes on', async () => {
    const first = host;
    const ran = await live(
      [
        ['demo.pool', () => void first.close()],
        [
          'no connection',
          async () => {
            host = await startLoopbackHost();
            here = { url: host.server.url, token: TOKEN };
          },
        ],
        ['mready', 'q'],
      ],
      { deps: { findHost: async () => ({ file: 'host.json', host: here }) } },
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('trying again');
    expect(ran.stdout).toContain(host.server.url);
  });

  it('leaves out colours where they are not wanted, and control characters of a host always', async () => {
    const answer = { ...host.view.status(), version: '\u001b]0;evil\u0007\u001b[41m', subsystems: [] };
    host.view.status = () => answer;
    const plain = await live([['no subsystem', 'q']], { env: { ...UTF8, NO_COLOR: '1' } });
    for (const sent of ['\u001b[31m', '\u001b[32m', '\u001b[33m', '\u001b[41m', '\u001b]', '\u0007'])
      expect(plain.stdout).not.toContain(sent);
    expect(plain.stdout).toContain(']0;evil');
    const coloured = await live([['no subsystem', 'q']]);
    expect(coloured.stdout).toContain('\u001b[32m');
  });
});

/** When this has been written since the step before: a key that is pressed then, or what happens then. */
type Step = readonly [when: string, then: string | (() => unknown)];

/** Somebody in front of a terminal. */
async function live(steps: readonly Step[], { intervalMs = 100, ...terminal }: Terminal & { readonly intervalMs?: number } = {}) {
  const raw: boolean[] = [];
  let seen = '';
  let wake = () => {};
  async function* keys(): AsyncGenerator<Uint8Array> {
    for (const [when, then] of steps) {
      while (!seen.includes(when)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      seen = '';
      if (typeof then === 'string') yield Buffer.from(then);
      else await then();
    }
    await new Promise(() => {}); // a terminal does not end its input
  }
  const ran = await bellows(['top', '--interval', String(intervalMs)], {
    host: here,
    isTTY: true,
    columns: 100,
    rows: 24,
    env: UTF8,
    ...terminal,
    stdin: Object.assign(keys(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) }),
    onOutput: (text) => {
      seen += text;
      wake();
      terminal.onOutput?.(text);
    },
  });
  return { code: ran.code, stdout: ran.stdout, raw };
}
