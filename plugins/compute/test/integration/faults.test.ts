import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type IClock, systemClock } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { executorFlags } from '../../src/executor-flags.js';
import { EXECUTOR_ENTRY, isAlive, RunningCompute, rejection, until } from '../running-compute.js';
import { FIXTURE } from '../wat.js';

/** Longer than any test: it is ended by something else. */
const LOOP = { export: 'loop', deadlineMs: 600_000 };
const ADD = { export: 'add', args: [1, 2] };
/** As in the pool. */
const ANSWER_GRACE_MS = 2_000;

/** Compute with the fixture and its executor up. The time of the host stands still unless a test moves it; executors have their own. */
async function running(config: Record<string, unknown> = {}, clock: IClock = new FakeClock()): Promise<RunningCompute> {
  const compute = await RunningCompute.start({ config, clock });
  await compute.put('math', FIXTURE);
  return compute;
}

describe('deadlines', () => {
  it('ends an endless loop while its neighbour goes on', async () => {
    await using compute = await running({ executors: 1 });
    const caller = new AbortController();
    const endless = rejection(compute.invoke('math', LOOP, { signal: caller.signal }));
    for (let round = 0; round < 3; round += 1) expect((await compute.invoke('math', ADD)).results).toEqual([3]);
    expect(compute.metrics.inUse).toBe(1);
    caller.abort(new Error('enough'));
    expect((await endless).message).toBe('enough');

    const loop = rejection(compute.invoke('math', { export: 'loop', deadlineMs: 100 }));
    const beside = await Promise.all(Array.from({ length: 50 }, () => compute.invoke('math', ADD)));
    expect(beside.flatMap(({ results }) => results)).toEqual(Array(50).fill(3));
    expect(await loop).toMatchObject({ code: 'DEADLINE_EXCEEDED', kind: 'deadline', status: 504 });
    expect((await compute.invoke('math', ADD)).results).toEqual([3]);
    expect(compute.metrics['executors.lost.total']).toBe(0);
  });

  it('takes a deadline longer than any timer', async () => {
    await using compute = await running({}, systemClock);
    expect((await compute.invoke('math', { ...ADD, deadlineMs: 10 ** 12 })).results).toEqual([3]);
  });

  it('counts the time that a call waits', async () => {
    const clock = new FakeClock();
    await using compute = await running({ executors: 1, maxConcurrentOperations: 1 }, clock);
    const caller = new AbortController();
    const first = rejection(compute.invoke('math', LOOP, { signal: caller.signal }));
    await until(() => compute.metrics.inUse === 1);
    const second = rejection(compute.invoke('math', { ...ADD, deadlineMs: 50 }));
    await until(() => compute.metrics['queue.depth'] === 1);
    await clock.advance(49);
    expect(compute.metrics['queue.depth']).toBe(1);
    await clock.advance(1);
    expect(await second).toMatchObject({ code: 'DEADLINE_EXCEEDED', message: expect.stringContaining('waited') });
    caller.abort(new Error('enough'));
    expect((await first).message).toBe('enough');
    expect((await compute.invoke('math', ADD)).results).toEqual([3]);
  });

  it('takes the deadline of the module where the call brings none, and the earlier of both deadlines of a call', async () => {
    await using compute = await running();
    await compute.call('compute.config', { name: 'math', deadlineMs: 100 });
    expect(await rejection(compute.invoke('math', { export: 'loop' }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await rejection(compute.invoke('math', LOOP, { deadlineMs: 100 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('kills an executor that does not answer, and says that the time was up', async () => {
    const clock = new FakeClock();
    await using compute = await running({ executors: 1 }, clock);
    const [pid = 0] = compute.executorPids;
    const call = rejection(compute.invoke('math', { export: 'loop', deadlineMs: 100 }));
    process.kill(pid, 'SIGSTOP');
    await until(() => compute.metrics.inUse === 1);
    await clock.advance(100 + ANSWER_GRACE_MS - 1);
    expect(isAlive(pid)).toBe(true);
    await clock.advance(1);
    expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED', message: expect.stringContaining('did not answer') });
    expect(isAlive(pid)).toBe(false);
    expect((await compute.invoke('math', ADD)).results).toEqual([3]);
  });
});

describe('cancellation', () => {
  it('ends a running guest at once and frees its slot', async () => {
    await using compute = await running({ executors: 1, maxConcurrentOperations: 1 });
    const caller = new AbortController();
    const call = rejection(compute.invoke('math', LOOP, { signal: caller.signal }));
    await until(() => compute.metrics.inUse === 1);
    caller.abort(new Error('gone'));
    expect((await call).message).toBe('gone');
    expect((await compute.invoke('math', ADD)).results).toEqual([3]);
  });

  it('takes a waiting call out of the queue', async () => {
    await using compute = await running({ executors: 1, maxConcurrentOperations: 1 });
    const first = new AbortController();
    const second = new AbortController();
    const loop = rejection(compute.invoke('math', LOOP, { signal: first.signal }));
    await until(() => compute.metrics.inUse === 1);
    const waiting = rejection(compute.invoke('math', ADD, { signal: second.signal }));
    await until(() => compute.metrics['queue.depth'] === 1);
    second.abort(new Error('second left'));
    expect((await waiting).message).toBe('second left');
    expect(compute.metrics['queue.depth']).toBe(0);
    first.abort(new Error('first left'));
    expect((await loop).message).toBe('first left');
  });

  it('does nothing for a caller who has gone before', async () => {
    await using compute = await running();
    expect((await rejection(compute.invoke('math', ADD, { signal: AbortSignal.abort(new Error('early')) }))).message).toBe('early');
  });
});

describe('an executor killed with -9 in the middle of calls', () => {
  it('fails only its running calls, says when to repeat, and the next calls work', async () => {
    await using compute = await running({ executors: 2 });
    const caller = new AbortController();
    const loops = Array.from({ length: 2 }, () => rejection(compute.invoke('math', LOOP, { signal: caller.signal })));
    await until(() => compute.metrics['threads.running'] === 2);
    const queued = Array.from({ length: 10 }, () => compute.invoke('math', ADD));
    await until(() => compute.metrics['queue.depth'] === 10);
    process.kill(compute.executorPids[0] as number, 'SIGKILL');

    const lost = await Promise.race(loops);
    expect(lost).toMatchObject({
      code: 'EXECUTOR_LOST',
      kind: 'not_ready',
      status: 503,
      message: expect.stringContaining('safe to repeat if'),
    });
    // a caller would take it for work that was not begun
    expect(lost.retryAfterMs).toBeUndefined();
    for (const call of queued) expect((await call).results).toEqual([3]);
    // the call of the other executor has noticed nothing
    expect(compute.metrics.inUse).toBe(1);
    caller.abort(new Error('enough'));
    expect((await Promise.all(loops)).map(({ message }) => message)).toContain('enough');
    expect(compute.metrics['executors.lost.total']).toBe(1);
  });

  it('costs not even the call that it ran when that may be repeated', async () => {
    await using compute = await running({ executors: 1 });
    const caller = new AbortController();
    const call = rejection(compute.invoke('math', LOOP, { idempotencyKey: 'again', signal: caller.signal }));
    await until(() => compute.metrics['threads.running'] === 1);
    process.kill(compute.executorPids[0] as number, 'SIGKILL');
    // it runs again
    await until(() => compute.metrics['executors.lost.total'] === 1 && compute.metrics['threads.running'] === 1);
    caller.abort(new Error('enough'));
    expect((await call).message).toBe('enough');
    expect(compute.metrics['executors.lost.total']).toBe(1);
  });

  it('is not given a call for ever that ends it each time', async () => {
    await using compute = await running({ executors: 1 }, systemClock);
    const call = rejection(compute.invoke('math', LOOP, { idempotencyKey: 'again' }));
    for (let kills = 0; kills < 3; kills += 1) {
      await until(() => compute.metrics['executors.lost.total'] === kills && compute.metrics['threads.running'] === 1);
      process.kill(compute.executorPids[0] as number, 'SIGKILL');
    }
    expect(await call).toMatchObject({ code: 'EXECUTOR_LOST' });
  });

  it('comes back after every one of several kills', async () => {
    await using compute = await running({ executors: 1 }, systemClock);
    for (let round = 1; round <= 3; round += 1) {
      await until(() => compute.executorPids.length === 1);
      process.kill(compute.executorPids[0] as number, 'SIGKILL');
      await until(() => compute.metrics['executors.lost.total'] === round);
      expect((await compute.invoke('math', ADD)).results).toEqual([3]);
    }
  });
});

describe('processes', () => {
  it('starts none before the first use', async () => {
    await using compute = await RunningCompute.start();
    expect(compute.metrics['executors.running']).toBe(0);
  });

  it('leaves none after stop, whatever was running, and stops twice', async () => {
    const compute = await running({ executors: 2 });
    const loops = Array.from({ length: 4 }, () => rejection(compute.invoke('math', LOOP)));
    await until(() => compute.executorPids.length === 2 && compute.metrics.inUse > 1);
    const pids = compute.executorPids;
    await compute.stop();
    await compute.stop();
    expect(pids.map(isAlive)).toEqual([false, false]);
    const ended = await Promise.all(loops);
    expect(ended.map(({ code }) => code)).toEqual(Array(4).fill('COMPUTE_STOPPING'));
    // those that waited only may be made again; those that ran may have done their work
    expect(ended.map(({ retryAfterMs }) => retryAfterMs)).toContain(undefined);
    expect(await rejection(compute.invoke('math', ADD))).toMatchObject({ code: 'COMPUTE_STOPPING' });
  });

  it('end with their host even when that is killed with -9 while a guest runs', async () => {
    await using compute = await running();
    const { hash } = await compute.call<{ hash: string }>('compute.get', { name: 'math' });
    const file = path.join(compute.dataDir, 'modules', `${hash}.wasm`);
    const host = spawn(
      process.execPath,
      ['--input-type=module', '-e', doomedHost(file, executorFlags(EXECUTOR_ENTRY, path.dirname(file)))],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const pid = Number(await firstLine(host));
      expect(isAlive(pid)).toBe(true);
      host.kill('SIGKILL');
      await once(host, 'exit');
      await until(() => !isAlive(pid));
    } finally {
      host.kill('SIGKILL');
    }
  });

  it('see neither the environment nor the flags of the host', async () => {
    await using compute = await running({ executors: 1 });
    const environment = await readFile(`/proc/${compute.executorPids[0]}/environ`, 'utf8');
    expect(environment.split('\0').filter((entry) => entry !== '' && !entry.startsWith('NODE_CHANNEL_'))).toEqual([]);
  });
});

describe('the permissions of an executor', () => {
  it('let it read its code and its modules and nothing else, from its threads too', async () => {
    await using compute = await running({ executors: 1 });
    const commandLine = await readFile(`/proc/${compute.executorPids[0]}/cmdline`, 'utf8');
    const flags = executorFlags(EXECUTOR_ENTRY, path.join(compute.dataDir, 'modules'));
    expect(commandLine.split('\0').slice(1, 1 + flags.length)).toEqual(flags);

    const [module = ''] = await readdir(path.join(compute.dataDir, 'modules'));
    const attempts = `
      const attempt = (act) => { try { act(); return 'done'; } catch ({ code }) { return code; } };
      const { readFileSync, writeFileSync } = process.getBuiltinModule('node:fs');
      const { spawnSync } = process.getBuiltinModule('node:child_process');
      process.getBuiltinModule('node:worker_threads').parentPort.postMessage([
        attempt(() => readFileSync(${JSON.stringify(path.join(compute.dataDir, 'modules', module))})),
        attempt(() => readFileSync('/etc/passwd')),
        attempt(() => writeFileSync(${JSON.stringify(path.join(compute.dataDir, 'modules', 'x'))}, '')),
        attempt(() => spawnSync('true')),
      ]);`;
    const program = `
      const { Worker } = process.getBuiltinModule('node:worker_threads');
      new Worker(${JSON.stringify(attempts)}, { eval: true, env: {} }).on('message', (outcome) => console.log(outcome.join(' ')));`;
    const inside = spawn(process.execPath, [...flags, '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(inside, 'exit');
    expect(await firstLine(inside)).toBe('done ERR_ACCESS_DENIED ERR_ACCESS_DENIED ERR_ACCESS_DENIED');
    await ended;
  });
});

/** A program that forks an executor, lets a guest loop in it, and prints the executor's process id. */
function doomedHost(file: string, execArgv: readonly string[]): string {
  const call = { exportName: 'loop', args: [] };
  const module = { file, hash: 'loop', maxPages: 10, maxTableElements: 10, maxPoolSize: 0 };
  const messages = [
    { type: 'configure', threads: 1, maxPooledModules: 1 },
    { type: 'call', id: 1, module, call, deadlineMs: 60_000 },
  ];
  // a number that is printed by itself is coloured where colours are forced
  return `
    import { fork } from 'node:child_process';
    const options = { serialization: 'advanced', execArgv: ${JSON.stringify(execArgv)}, env: {}, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] };
    const child = fork(${JSON.stringify(fileURLToPath(EXECUTOR_ENTRY))}, [], options);
    child.on('message', (batch) => {
      for (const { type, threads } of batch) if (type === 'stats' && threads === 1) console.log(String(child.pid));
    });
    child.send(${JSON.stringify(messages)});`;
}

/** However many there are, and in however many pieces they come. */
async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the process has no output');
  const [line] = await once(createInterface({ input: stdout }), 'line');
  return line;
}
