import { describe, expect, it } from '@jest/globals';
import { CrashLog } from '../src/crash-log.js';
import { type ILogger, type LogFields, silentLogger } from '../src/logger.js';
import { FakeClock } from '../src/testing/fake-clock.js';

function crashLog(level?: 'warn' | 'error') {
  const clock = new FakeClock();
  const lines: (readonly [string, string, LogFields | undefined])[] = [];
  const logger: ILogger = {
    ...silentLogger,
    warn: (message, fields) => void lines.push(['warn', message, fields]),
    error: (message, fields) => void lines.push(['error', message, fields]),
  };
  const log = new CrashLog({ logger, clock, periodMs: 10_000, ...(level === undefined ? {} : { level }) });
  return { clock, log, lines, messages: () => lines.map(([, message]) => message) };
}

describe('CrashLog', () => {
  it('writes the first line at once, with its fields and at its level', () => {
    const { log, lines } = crashLog('error');
    log.write('a', 'a crashed', { how: 'SIGKILL' });
    expect(lines).toEqual([['error', 'a crashed', { how: 'SIGKILL' }]]);
  });

  it('tells of those that follow in one line at the end of the period, with the fields of the last', async () => {
    const { clock, log, lines } = crashLog();
    for (let crash = 0; crash < 1_000; crash += 1) log.write('a', 'a crashed', { crash });
    expect(lines).toHaveLength(1);
    await clock.advance(10_000);
    expect(lines.slice(1)).toEqual([['warn', 'a crashed (999 more in the last 10 s)', { crash: 999 }]]);
  });

  it('says how many as long as it goes on, and then begins anew', async () => {
    const { clock, log, messages } = crashLog();
    log.write('a', 'a crashed');
    log.write('a', 'a crashed');
    await clock.advance(10_000);
    log.write('a', 'a crashed');
    await clock.advance(20_000);
    expect(clock.pending).toBe(0);
    log.write('a', 'a crashed');
    expect(messages()).toEqual(['a crashed', 'a crashed (1 more in the last 10 s)', 'a crashed (1 more in the last 10 s)', 'a crashed']);
  });

  it('keeps kinds apart', () => {
    const { log, messages } = crashLog();
    for (const kind of ['a', 'b', 'a', 'b']) log.write(kind, `${kind} crashed`);
    expect(messages()).toEqual(['a crashed', 'b crashed']);
  });

  it('holds a bounded number of kinds, whatever they are called: the rest is one kind', async () => {
    const { clock, log, lines } = crashLog();
    for (let kind = 0; kind < 10_000; kind += 1) log.write(`kind ${kind}`, `${kind} crashed`);
    expect(clock.pending).toBeLessThan(300);
    expect(lines).toHaveLength(clock.pending);
    await clock.advance(10_000);
    expect(lines.at(-1)?.[1]).toBe('9999 crashed (9743 more in the last 10 s)');
  });

  it('tells at the end what it only counted, and leaves no timer', async () => {
    const { clock, log, messages } = crashLog();
    log.write('a', 'a crashed');
    log.write('a', 'a crashed again');
    log.write('b', 'b crashed');
    await clock.advance(2_500);
    log.flush();
    log.flush();
    expect(messages()).toEqual(['a crashed', 'b crashed', 'a crashed again (1 more in the last 3 s)']);
    expect(clock.pending).toBe(0);
  });
});
