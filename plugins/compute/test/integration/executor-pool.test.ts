import { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { silentLogger, systemRandom } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ExecutorPool, type ExecutorPoolOptions } from '../../src/executor-pool.js';
import { isAlive, rejection, until } from '../running-compute.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-executors-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const MODULE = { file: '', hash: '', maxPages: 1, maxTableElements: 1, maxPoolSize: 0 };
const WORK = { type: 'check', module: MODULE, deadlineMs: 0 } as const;

/** A program in the place of the executor. */
async function entry(name: string, program: string): Promise<URL> {
  const file = path.join(folder, `${name}.mjs`);
  await writeFile(file, program);
  return pathToFileURL(file);
}

const ANSWERING = `
  process.on('message', (batch) => {
    for (const { type, id } of batch) if (type === 'check') process.send([{ type: 'answer', id, outcome: null, durationMs: 1 }]);
  });
  process.on('disconnect', () => process.exit());
  process.send([{ type: 'ready' }]);`;

type PoolOptions = Partial<Pick<ExecutorPoolOptions, 'maxExecutors' | 'logger' | 'onFailing'>>;

function poolOf(program: URL, clock: FakeClock, { maxExecutors = 1, logger = silentLogger, onFailing }: PoolOptions = {}): ExecutorPool {
  const pool = new ExecutorPool({
    entry: program,
    flags: [],
    maxExecutors,
    maxPooledModules: 1,
    clock,
    processClock: clock,
    random: systemRandom,
    logger,
    ...(onFailing === undefined ? {} : { onFailing }),
  });
  pool.setLimit(maxExecutors);
  return pool;
}

describe('ExecutorPool', () => {
  it('ends an executor that never comes up, and starts another', async () => {
    const seen = path.join(folder, 'seen');
    const hangsOnce = await entry(
      'hangs-once',
      `import { existsSync, writeFileSync } from 'node:fs';
       if (existsSync(${JSON.stringify(seen)})) { ${ANSWERING} }
       else { writeFileSync(${JSON.stringify(seen)}, ''); process.on('message', () => {}); }`,
    );
    const clock = new FakeClock();
    const pool = poolOf(hangsOnce, clock);
    const work = pool.run({ work: WORK, deadlineAt: 60_000, signal: undefined });
    await until(() => readFile(seen).then(Boolean, () => false));
    const [first = 0] = pool.pids;
    await clock.advance(10_000);
    expect(await work).toMatchObject({ outcome: null });
    expect(isAlive(first)).toBe(false);
    expect(pool.metrics.lost).toBe(1);
    await pool.stop();
    expect(clock.pending).toBe(0);
  });

  it('refuses work, long before its deadline, while not even a process can be made, and goes on trying', async () => {
    const clock = new FakeClock();
    // a path that the operating system refuses, as it refuses a fork without memory: at once, by an exception
    const pool = poolOf(new URL('file:///no%00where.mjs'), clock, { maxExecutors: 2 });
    const work = rejection(pool.run({ work: WORK, deadlineAt: 3_600_000, signal: undefined }));
    await clock.advance(1_000);
    expect(await work).toMatchObject({ code: 'EXECUTORS_FAILING', status: 503, retryAfterMs: 1_000 });
    expect([pool.isFailing, pool.metrics.waiting]).toEqual([true, 0]);
    const next = await rejection(pool.run({ work: WORK, deadlineAt: 3_600_000, signal: undefined }));
    expect(next.message).toContain('null bytes');
    const before = pool.metrics.lost;
    expect(before).toBeGreaterThan(2);
    await clock.advance(600_000);
    expect(pool.metrics.lost).toBeGreaterThan(before);
    await pool.stop();
    expect(clock.pending).toBe(0);
  });

  it('ends an executor that has work and says nothing, long before the deadline of the work', async () => {
    const silent = await entry('silent', `process.on('message', () => {}); process.send([{ type: 'ready' }]);`);
    const clock = new FakeClock();
    const pool = poolOf(silent, clock);
    const work = rejection(pool.run({ work: WORK, deadlineAt: 3_600_000, signal: undefined }));
    const watch = clock.setRepeating(1_000, () => pool.endSilent());
    await until(() => pool.metrics.waiting === 0);
    const [pid = 0] = pool.pids;
    await clock.advance(9_000);
    expect(isAlive(pid)).toBe(true);
    await clock.advance(3_000);
    expect(await work).toMatchObject({ code: 'EXECUTOR_LOST' });
    expect(isAlive(pid)).toBe(false);
    // its successor begins with a time of its own
    const next = rejection(pool.run({ work: WORK, deadlineAt: 3_600_000, signal: undefined }));
    await until(() => pool.metrics.waiting === 0);
    const [successor = 0] = pool.pids;
    await clock.advance(9_000);
    expect(isAlive(successor)).toBe(true);
    await clock.advance(3_000);
    expect(await next).toMatchObject({ code: 'EXECUTOR_LOST' });
    watch();
    await pool.stop();
    expect(clock.pending).toBe(0);
  });

  it('lets an executor with work go on that speaks, and one without work be silent', async () => {
    const talking = await entry(
      'talking',
      `let last; process.on('message', (batch) => { last = batch.at(-1); });
       setInterval(() => process.send([{ type: 'stats', rssBytes: Date.now(), threads: 1, warm: {} }]), 5);
       process.on('SIGUSR2', () => process.send([{ type: 'answer', id: last.id, outcome: null, durationMs: 1 }]));
       process.on('disconnect', () => process.exit());
       process.send([{ type: 'ready' }]);`,
    );
    const clock = new FakeClock();
    const pool = poolOf(talking, clock);
    const work = pool.run({ work: WORK, deadlineAt: 3_600_000, signal: undefined });
    await until(() => pool.metrics.waiting === 0);
    for (let second = 0; second < 30; second += 1) {
      const { rssBytes } = pool.metrics;
      await until(() => pool.metrics.rssBytes !== rssBytes);
      await clock.advance(1_000);
      pool.endSilent();
    }
    process.kill(pool.pids[0] as number, 'SIGUSR2');
    expect(await work).toMatchObject({ outcome: null });
    expect(pool.metrics.lost).toBe(0);
    await pool.stop();
  });

  it('refuses work while all executors end as soon as they start, and takes it again when one stays up', async () => {
    const count = path.join(folder, 'count');
    const diesAtFirst = await entry(
      'dies',
      `import { appendFileSync, readFileSync } from 'node:fs';
       appendFileSync(${JSON.stringify(count)}, 'x');
       if (readFileSync(${JSON.stringify(count)}).length <= 4) process.exit(3);
       ${ANSWERING}`,
    );
    const clock = new FakeClock();
    const told: (string | undefined)[] = [];
    const pool = poolOf(diesAtFirst, clock, { onFailing: (error) => void told.push(error?.message) });
    const early = rejection(pool.run({ work: WORK, deadlineAt: 600_000, signal: undefined }));
    // the second is started at once, the others after pauses
    for (const lost of [2, 3]) {
      await until(() => pool.metrics.lost === lost);
      await clock.advance(1_000);
    }
    expect(await early).toMatchObject({ code: 'EXECUTORS_FAILING', message: expect.stringContaining('exit code 3') });
    expect([pool.isFailing, pool.metrics.lost]).toEqual([true, 4]);
    // no further than the longest pause: it has ten seconds of this clock to come up
    await clock.advance(1_000);
    await until(() => !pool.isFailing);
    expect(told).toEqual([expect.stringContaining('exit code 3'), undefined]);
    expect(await pool.run({ work: WORK, deadlineAt: 600_000, signal: undefined })).toMatchObject({ outcome: null });
    await pool.stop();
    expect(clock.pending).toBe(0);
  });

  it('refuses work after two starts that took their whole time, however far apart they were', async () => {
    const hangs = await entry('hangs', `process.on('message', () => {}); process.on('disconnect', () => process.exit());`);
    const clock = new FakeClock();
    const pool = poolOf(hangs, clock);
    const work = rejection(pool.run({ work: WORK, deadlineAt: 3_600_000, signal: undefined }));
    for (const lost of [1, 2]) {
      await clock.advance(10_000);
      await until(() => pool.metrics.lost === lost);
    }
    expect(await work).toMatchObject({ code: 'EXECUTORS_FAILING' });
    await pool.stop();
    expect(clock.pending).toBe(0);
  });

  it('tells of a storm of lost executors in few lines', async () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    const logger = { ...silentLogger, warn: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) };
    const pool = poolOf(new URL('file:///no%00where.mjs'), clock, { maxExecutors: 4, logger });
    const work = rejection(pool.run({ work: WORK, deadlineAt: 3_600_000, signal: undefined }));
    await clock.advance(600_000);
    expect(await work).toMatchObject({ code: 'EXECUTORS_FAILING' });
    expect(pool.metrics.lost).toBeGreaterThan(20);
    await pool.stop();
    expect(lines.length).toBeLessThan(15);
  });

  it('tells of a process that does not end, and waits for it no longer than its time', async () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    const logger = { ...silentLogger, error: (line: string) => void lines.push(line) };
    const pool = poolOf(await entry('stays', ANSWERING), clock, { logger });
    expect(await pool.run({ work: WORK, deadlineAt: 600_000, signal: undefined })).toMatchObject({ outcome: null });
    const [pid = 0] = pool.pids;
    // as one in an uninterruptible wait
    const kill = jest.spyOn(ChildProcess.prototype, 'kill').mockReturnValue(true);
    try {
      pool.setLimit(0);
      const stopped = pool.stop();
      await clock.advance(5_000);
      await clock.advance(1_000);
      await stopped;
      expect(isAlive(pid)).toBe(true);
    } finally {
      kill.mockRestore();
      process.kill(pid, 'SIGKILL');
    }
    expect(lines).toEqual(['An executor process was not ended: executor did not stop within 5000 ms: it was left behind']);
    await until(() => !isAlive(pid));
  });
});
