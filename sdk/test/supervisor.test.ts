import { describe, expect, it } from '@jest/globals';
import type { BellowsError } from '../src/errors.js';
import { Supervisor, supervise } from '../src/supervisor.js';
import { supervisorChild } from '../src/supervisor-child.js';
import type { ChildExit, ChildSpec } from '../src/supervisor-contract.js';
import { Nursery } from './nursery.js';

describe('Supervisor', () => {
  it('starts in order and stops in reverse', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor(['a', 'b', 'c'].map((id) => nursery.child(id)));
    await supervisor.start();
    expect(supervisor.status()).toEqual(['a', 'b', 'c'].map((id) => ({ id, state: 'running', restarts: 0 })));
    expect(await nursery.stop(supervisor)).toEqual([]);
    const order = nursery.log.filter((line) => !line.startsWith('stopped'));
    expect(order).toEqual(['start a1', 'start b1', 'start c1', 'stop c1', 'stop b1', 'stop a1']);
    expect(nursery.clock.pending).toBe(0);
  });

  it('stops those already up when one fails to start, and starts no later one', async () => {
    const nursery = new Nursery();
    nursery.failures.set('b', 1);
    const starting = nursery.supervisor(['a', 'b', 'c'].map((id) => nursery.child(id))).start();
    const outcome = expect(starting).rejects.toThrow('b1 does not start');
    await nursery.clock.advance(0);
    await outcome;
    expect(nursery.log).toEqual(['start a1', 'start b1', 'stop a1', 'stopped a1']);
  });

  it('restarts the child that ended alone', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a'), nursery.child('b')]);
    await supervisor.start();
    await nursery.end('a');
    expect(nursery.log).toEqual(['start a1', 'start b1', 'end a', 'start a2']);
    expect(supervisor.status()[0]).toEqual({ id: 'a', state: 'running', restarts: 1 });
    await nursery.stop(supervisor);
  });

  it.each([
    ['permanent', true, true],
    ['permanent', false, true],
    ['transient', true, false],
    ['transient', false, true],
  ] as const)('after an exit of a %s child with ok=%p, starting again is %p', async (restart, ok, again) => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a', { restart })]);
    await supervisor.start();
    await nursery.end('a', { ok });
    expect(supervisor.status()[0]).toEqual({ id: 'a', state: again ? 'running' : 'stopped', restarts: again ? 1 : 0 });
    await nursery.stop(supervisor);
  });

  it.each([true, false])('forgets a temporary child after an exit with ok=%p', async (ok) => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a', { restart: 'temporary' })]);
    await supervisor.start();
    await nursery.end('a', { ok });
    expect(supervisor.status()).toEqual([]);
    await nursery.stop(supervisor);
    expect(nursery.log).toEqual(['start a1', 'end a']);
  });

  it('gives up at strictly more restarts than allowed: stops the others, then escalates once', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a'), nursery.child('b')]);
    await supervisor.start();
    await nursery.end('a');
    await nursery.end('b');
    expect(nursery.escalated).toEqual([]);
    await nursery.end('a');
    expect(nursery.log.slice(-3)).toEqual(['end a', 'stop b2', 'stopped b2']);
    expect(nursery.escalated).toHaveLength(1);
    expect(nursery.escalated[0]).toMatchObject({ code: 'RESTARTS_EXCEEDED', kind: 'plugin', cause: new Error('crash') });
    expect(supervisor.status().map(({ state }) => state)).toEqual(['stopped', 'stopped']);
    expect(await supervisor.stop()).toEqual([]);
  });

  it('survives restarts that are spread wider than the window', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a')]);
    await supervisor.start();
    for (let crash = 0; crash < 6; crash += 1) {
      await nursery.end('a');
      await nursery.clock.advance(2_501);
    }
    expect(supervisor.status()[0]).toMatchObject({ state: 'running', restarts: 6 });
    await nursery.stop(supervisor);
  });

  it('counts a restart that fails as a restart and tries again, until that is too often', async () => {
    const nursery = new Nursery();
    const exits: string[] = [];
    const supervisor = nursery.supervisor([nursery.child('a')], { onChildExit: (id, { error }) => void exits.push(`${id}: ${error}`) });
    await supervisor.start();
    nursery.failures.set('a', 1);
    await nursery.end('a');
    expect(nursery.log).toEqual(['start a1', 'end a', 'start a2', 'start a3']);
    expect(exits).toEqual(['a: Error: crash', 'a: Error: a2 does not start']);
    expect(supervisor.status()[0]?.state).toBe('running');
    nursery.failures.set('a', 9);
    await nursery.end('a');
    expect(nursery.log.at(-1)).toBe('end a');
    expect(nursery.escalated).toHaveLength(1);
  });

  it('treats an exit that cannot be told as a failure', async () => {
    const nursery = new Nursery();
    let crash: (reason: unknown) => void = () => undefined;
    const start = async () => ({ stop: async () => undefined, exited: new Promise<ChildExit>((_, reject) => (crash = reject)) });
    const supervisor = nursery.supervisor([nursery.child('a', { restart: 'transient', start })]);
    await supervisor.start();
    crash(new Error('lost'));
    await nursery.clock.advance(0);
    expect(supervisor.status()[0]).toMatchObject({ state: 'running', restarts: 1 });
    await nursery.stop(supervisor);
  });

  it.each([undefined, null, 'gone', {}])('treats %p, which is no exit, as a failure', async (exit) => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a', { restart: 'transient' })]);
    await supervisor.start();
    await nursery.end('a', exit as never);
    expect(supervisor.status()[0]).toMatchObject({ state: 'running', restarts: 1 });
    await nursery.stop(supervisor);
  });

  it.each([undefined, null, {}])('counts a start that answers %p, which is no child, as failed', async (none) => {
    const nursery = new Nursery();
    let starts = 0;
    const child = nursery.child('a');
    const start: ChildSpec['start'] = async (signal) => ((starts += 1) === 2 ? (none as never) : child.start(signal));
    const supervisor = nursery.supervisor([{ ...child, start }]);
    await supervisor.start();
    await nursery.end('a');
    expect(supervisor.status()[0]).toMatchObject({ state: 'running', restarts: 2 });
    expect(await nursery.stop(supervisor)).toEqual([]);
  });

  it('goes on stopping after a child that does not stop in time or throws, and tells of both', async () => {
    const nursery = new Nursery();
    const throwing = { stop: () => Promise.reject(new Error('no')), exited: new Promise<ChildExit>(() => undefined) };
    const supervisor = nursery.supervisor([
      nursery.child('a'),
      nursery.child('slow', { stopMs: 5_000, stopTimeoutMs: 100 }),
      nursery.child('bad', { start: async () => throwing }),
    ]);
    await supervisor.start();
    const problems = await nursery.stop(supervisor, 100);
    expect(problems).toEqual([
      { id: 'bad', error: new Error('no') },
      { id: 'slow', error: expect.objectContaining({ code: 'CHILD_STOP_TIMEOUT' }) },
    ]);
    expect(nursery.log.at(-1)).toBe('stopped a1');
    expect(nursery.clock.pending).toBe(0);
  });

  it('stops a child that comes up only after it was told to stop', async () => {
    const nursery = new Nursery();
    let comeUp: () => void = () => undefined;
    const late = nursery.child('late');
    const start: ChildSpec['start'] = async (signal) => {
      await new Promise<void>((resolve) => (comeUp = resolve));
      return late.start(signal);
    };
    const supervisor = nursery.supervisor([nursery.child('late', { start, stopTimeoutMs: 10 })]);
    const starting = supervisor.start();
    const outcome = expect(starting).rejects.toMatchObject({ code: 'SUPERVISOR_STOPPED' });
    await nursery.clock.advance(0);
    const problems = await nursery.stop(supervisor, 10);
    expect(problems).toMatchObject([{ id: 'late', error: { code: 'CHILD_STOP_TIMEOUT' } }]);
    comeUp();
    await nursery.clock.advance(0);
    await outcome;
    expect(nursery.log).toEqual(['start late1', 'stop late1', 'stopped late1']);
  });

  it('gives up a start whose signal aborts', async () => {
    const nursery = new Nursery();
    const controller = new AbortController();
    const waiting = nursery.child('b', {
      start: (signal) => nursery.clock.sleep(1_000, signal).then(() => Promise.reject(new Error('never'))),
    });
    const starting = nursery.supervisor([nursery.child('a'), waiting]).start(controller.signal);
    const outcome = expect(starting).rejects.toThrow('enough');
    await nursery.clock.advance(0);
    controller.abort(new Error('enough'));
    await nursery.clock.advance(0);
    await outcome;
    expect(nursery.log).toEqual(['start a1', 'stop a1', 'stopped a1']);
  });

  it('gives up a start whose child ignores the signal, after the time that child has to stop', async () => {
    const nursery = new Nursery();
    const aborting = new AbortController();
    const stubborn = nursery.child('b', { start: () => new Promise(() => {}) });
    const starting = expect(nursery.supervisor([nursery.child('a'), stubborn]).start(aborting.signal)).rejects.toBe('enough');
    await nursery.clock.advance(0);
    aborting.abort('enough');
    await nursery.clock.advance(1_000);
    await starting;
    expect(nursery.log).toEqual(['start a1', 'stop a1', 'stopped a1']);
  });

  it('may be stopped without a start and twice, and is not started again', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a')]);
    expect(await supervisor.stop()).toEqual([]);
    expect(await supervisor.stop()).toEqual([]);
    await expect(supervisor.start()).rejects.toMatchObject({ code: 'SUPERVISOR_STARTED' });
  });

  it('refuses two children of one id', () => {
    const nursery = new Nursery();
    const call = () => nursery.supervisor([nursery.child('a'), nursery.child('a')]);
    expect(call).toThrow(expect.objectContaining({ code: 'CHILD_ID_TAKEN' }));
  });

  it('ignores what its listeners throw', async () => {
    const nursery = new Nursery();
    const fail = () => {
      throw new Error('listener');
    };
    const supervisor = nursery.supervisor([nursery.child('a')], {
      onChildExit: fail,
      onEscalate: fail,
      intensity: { maxRestarts: 0, maxSeconds: 1 },
    });
    await supervisor.start();
    await nursery.end('a');
    expect(supervisor.status()[0]?.state).toBe('stopped');
  });
});

describe('Supervisor with back-off', () => {
  const backoff = { initialMs: 100, factor: 2, maxMs: 1_000 };

  it('waits longer before each restart, and begins anew after a healthy time', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a')], { backoff, intensity: { maxRestarts: 99, maxSeconds: 1 } });
    await supervisor.start();
    const pauses: number[] = [];
    const crash = async () => {
      await nursery.end('a');
      expect(supervisor.status()[0]?.state).toBe('restarting');
      const before = nursery.clock.now();
      while (supervisor.status()[0]?.state === 'restarting') await nursery.clock.advance(1);
      pauses.push(nursery.clock.now() - before);
    };
    for (let times = 0; times < 6; times += 1) await crash();
    expect(pauses).toEqual([50, 100, 200, 400, 500, 500]);
    await nursery.clock.advance(9_999);
    await crash();
    await nursery.clock.advance(10_000);
    await crash();
    expect(pauses.slice(6)).toEqual([500, 50]);
    await nursery.stop(supervisor);
  });

  it.each([
    ['one_for_all', ['stop c1', 'stop a1'], ['start a2', 'start b2', 'start c2']],
    ['rest_for_one', ['stop c1'], ['start b2', 'start c2']],
  ] as const)('with %s stops the others at once, and starts all of them after the pause', async (strategy, stops, starts) => {
    const nursery = new Nursery();
    const told: unknown[] = [];
    const children = ['a', 'b', 'c'].map((id) => nursery.child(id));
    const onPause = (...args: unknown[]) => void told.push(args);
    const supervisor = nursery.supervisor(children, { backoff, strategy, onPause });
    await supervisor.start();
    nursery.log.length = 0;
    await nursery.end('b');
    const happened = () => nursery.log.filter((line) => !line.startsWith('stopped'));
    expect(happened()).toEqual(['end b', ...stops]);
    expect(told).toEqual([['b', 50]]);
    await nursery.clock.advance(50);
    expect(happened()).toEqual(['end b', ...stops, ...starts]);
    expect(supervisor.status().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    await nursery.stop(supervisor);
  });

  it('is interrupted by a stop', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a')], { backoff });
    await supervisor.start();
    await nursery.end('a');
    expect(await nursery.stop(supervisor)).toEqual([]);
    await nursery.clock.advance(10_000);
    expect(nursery.log).toEqual(['start a1', 'end a']);
    expect([supervisor.status()[0]?.state, nursery.clock.pending]).toEqual(['stopped', 0]);
  });

  it('restarts leaves at once within the intensity, with pauses beyond it, and never gives up', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a')], { backoff: { ...backoff, applies: 'beyond-intensity' } });
    await supervisor.start();
    await nursery.end('a');
    await nursery.end('a');
    expect(supervisor.status()[0]).toMatchObject({ state: 'running', restarts: 2 });
    nursery.failures.set('a', 5);
    await nursery.end('a');
    expect(supervisor.status()[0]).toMatchObject({ state: 'restarting', restarts: 2 });
    await nursery.clock.advance(10_000);
    expect(supervisor.status()[0]?.state).toBe('running');
    expect(nursery.escalated).toEqual([]);
    await nursery.stop(supervisor);
  });
});

describe('supervise', () => {
  it('is a started supervisor with that intensity', async () => {
    const nursery = new Nursery();
    const options = {
      children: [nursery.child('a')],
      clock: nursery.clock,
      onEscalate: (error: BellowsError) => void nursery.escalated.push(error),
    };
    await supervise({ maxRestarts: 1, maxSeconds: 10, ...options });
    await nursery.end('a');
    expect(nursery.escalated).toEqual([]);
    await nursery.end('a');
    expect(nursery.escalated).toHaveLength(1);
  });
});

describe('a supervisor', () => {
  it.each([
    [{ strategy: 'one_for_none' }, 'options.strategy must be one of one_for_one, one_for_all, rest_for_one, and is "one_for_none"'],
    [{ intensity: { maxRestarts: -1, maxSeconds: Number.NaN } }, 'options.intensity.maxSeconds must be a number of at least 0, and is NaN'],
    [{ intensity: { maxRestarts: 1 } }, 'options.intensity.maxSeconds must be a number of at least 0, and is undefined'],
    [{ intensity: null }, 'options.intensity must be an object'],
    [{ backoff: { initialMs: 1, factor: 2, maxMs: 'long' } }, 'options.backoff.maxMs must be a number'],
    [
      { backoff: { initialMs: 1, factor: 2, maxMs: 5, applies: 'never' } },
      'options.backoff.applies must be one of always, beyond-intensity',
    ],
    [{ onEscalte() {} }, 'options.onEscalte is unknown: did you mean onEscalate?'],
    [{ children: 'a' }, 'options.children must be a list, and is a string'],
  ])('is not made with options that mean nothing: %#', (options, text) => {
    const wrong = expect.objectContaining({ code: 'SUPERVISOR_OPTIONS_INVALID', message: expect.stringContaining(text) });
    expect(() => new Supervisor({ children: [], ...options } as never)).toThrow(wrong);
    expect(() => supervisorChild({ id: 'inner', children: [], ...options } as never)).toThrow(wrong);
  });

  it.each([
    [{ id: '' }, 'child.id must be a text'],
    [{ start: undefined }, 'The child a of a supervisor cannot work: child.start must be a function'],
    [{ restart: 'permanant' }, 'child.restart must be one of permanent, transient, temporary, and is "permanant"'],
    [{ stopTimeoutMs: Number.NaN }, 'child.stopTimeoutMs must be at least 0, in ms, and is NaN'],
  ])('takes no child that cannot work: %#', async (change, text) => {
    const nursery = new Nursery();
    const wrong = expect.objectContaining({ kind: 'plugin', code: 'CHILD_INVALID', message: expect.stringContaining(text) });
    const spec = { ...nursery.child('a'), ...change } as never;
    expect(() => nursery.supervisor([spec])).toThrow(wrong);
    const supervisor = nursery.supervisor([]);
    await supervisor.start();
    await expect(supervisor.startChild(spec)).rejects.toEqual(wrong);
    await nursery.stop(supervisor);
  });

  it.each([
    [undefined, 'its start answered nothing without stop and exited'],
    [{ exited: new Promise(() => {}) }, 'without stop and exited'],
    [{ stop: async () => {} }, 'its start answered an object without exited'],
    ['running', 'its start answered a string'],
  ])('names the child whose start answers no running child: %#', async (running, text) => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('lamp', { start: async () => running as never })]);
    await expect(supervisor.start()).rejects.toMatchObject({
      code: 'CHILD_INVALID',
      message: expect.stringMatching(new RegExp(`^The child lamp .*${text}`)),
    });
  });
});
