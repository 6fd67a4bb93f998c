import { describe, expect, it } from '@jest/globals';
import { supervisorChild } from '../src/supervisor-child.js';
import type { ChildSpec, RunningChild } from '../src/supervisor-contract.js';
import { Nursery } from './nursery.js';

const HOUR_MS = 3_600_000;

/** Comes up and ends at once, for ever. */
function crashing(id: string, onStart: () => void): ChildSpec {
  const start = async (): Promise<RunningChild> => {
    onStart();
    return { exited: Promise.resolve({ ok: false, error: new Error('again') }), stop: async () => undefined };
  };
  return { id, restart: 'permanent', stopTimeoutMs: 0, start };
}

describe('a storm of crashes', () => {
  it('escalates from supervisor to supervisor up to the first, which gives up in turn', async () => {
    const nursery = new Nursery();
    let starts = 0;
    const told: string[] = [];
    const inner = (id: string, child: ChildSpec) =>
      supervisorChild({
        id,
        children: [child],
        intensity: { maxRestarts: 3, maxSeconds: 60 },
        clock: nursery.clock,
        onEscalate: () => void told.push(id),
      });
    const supervisor = nursery.supervisor([
      nursery.child('a'),
      inner(
        's',
        crashing('m', () => (starts += 1)),
      ),
    ]);
    await supervisor.start();
    await nursery.clock.advance(0);
    // the outer one allows two restarts of the inner one, which allows three of its child
    expect([starts, told]).toEqual([12, ['s', 's', 's']]);
    expect(nursery.escalated).toHaveLength(1);
    const [error] = nursery.escalated;
    expect(error).toMatchObject({ code: 'RESTARTS_EXCEEDED', message: expect.stringContaining('s had to be restarted') });
    expect(error?.cause).toMatchObject({ code: 'RESTARTS_EXCEEDED', message: expect.stringContaining('m had to be restarted') });
    expect(nursery.log).toEqual(['start a1', 'stop a1', 'stopped a1']);
  });

  it('keeps neither timers nor sockets waiting', async () => {
    const nursery = new Nursery();
    let starts = 0;
    const supervisor = nursery.supervisor([crashing('m', () => (starts += 1))], {
      intensity: { maxRestarts: 1_000_000, maxSeconds: 60 },
    });
    await supervisor.start();
    let turns = 0;
    while (starts < 10_000) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    expect(turns).toBeGreaterThan(100);
    await nursery.stop(supervisor);
    const afterStop = starts;
    await nursery.clock.advance(0);
    expect(starts).toBe(afterStop);
  });

  it('of many children at once is one storm, and stops those that are left', async () => {
    const nursery = new Nursery();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const supervisor = nursery.supervisor(ids.map((id) => nursery.child(id)));
    await supervisor.start();
    await Promise.all(ids.slice(0, 4).map((id) => nursery.end(id)));
    expect(nursery.log.slice(9)).toEqual([
      'start a2',
      'start b2',
      'stop e1',
      'stopped e1',
      'stop b2',
      'stopped b2',
      'stop a2',
      'stopped a2',
    ]);
    expect(nursery.escalated).toHaveLength(1);
  });
});

describe('occasional crashes', () => {
  it('never add up, over a year of one every hour', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([nursery.child('a'), nursery.child('b')], { intensity: { maxRestarts: 1, maxSeconds: 3_599 } });
    await supervisor.start();
    for (let hour = 0; hour < 365 * 24; hour += 1) {
      await nursery.end(hour % 2 === 0 ? 'a' : 'b');
      await nursery.clock.advance(HOUR_MS);
    }
    expect(nursery.escalated).toEqual([]);
    expect(supervisor.status()).toMatchObject([
      { state: 'running', restarts: 4_380 },
      { state: 'running', restarts: 4_380 },
    ]);
    await nursery.stop(supervisor);
  });
});

describe('a supervisor as a child', () => {
  it('is started, stopped and restarted whole, and tells how its children are', async () => {
    const nursery = new Nursery();
    const inner = supervisorChild({ id: 's', children: ['m', 'n'].map((id) => nursery.child(id)), clock: nursery.clock });
    const supervisor = nursery.supervisor([nursery.child('a'), inner], { strategy: 'one_for_all' });
    await supervisor.start();
    await nursery.end('a');
    const running = { state: 'running', restarts: 0 };
    const children = [
      { ...running, id: 'm' },
      { ...running, id: 'n' },
    ];
    expect(supervisor.status()[1]).toEqual({ id: 's', state: 'running', restarts: 1, children });
    await nursery.stop(supervisor);
    expect(supervisor.status()[1]).toEqual({ id: 's', state: 'stopped', restarts: 1 });
    const order = nursery.log.filter((line) => !line.startsWith('stopped'));
    expect(order).toEqual([
      ...['start a1', 'start m1', 'start n1', 'end a', 'stop n1', 'stop m1'],
      ...['start a2', 'start m2', 'start n2', 'stop n2', 'stop m2', 'stop a2'],
    ]);
  });

  it('that does not start makes the start of the one above fail, with nothing left running', async () => {
    const nursery = new Nursery();
    nursery.failures.set('n', 1);
    const inner = supervisorChild({ id: 's', children: ['m', 'n'].map((id) => nursery.child(id)), clock: nursery.clock });
    const starting = expect(nursery.supervisor([nursery.child('a'), inner]).start()).rejects.toThrow('n1 does not start');
    await nursery.clock.advance(0);
    await starting;
    expect(nursery.log.slice(-4)).toEqual(['stop m1', 'stopped m1', 'stop a1', 'stopped a1']);
  });

  it('tells which of its own did not stop as they should', async () => {
    const nursery = new Nursery();
    const slow = nursery.child('m', { stopMs: 5_000, stopTimeoutMs: 100 });
    const supervisor = nursery.supervisor([supervisorChild({ id: 's', children: [slow], clock: nursery.clock })]);
    await supervisor.start();
    const problems = await nursery.stop(supervisor, 100);
    expect(problems).toEqual([{ id: 's', error: expect.objectContaining({ code: 'CHILDREN_NOT_STOPPED' }) }]);
    expect(problems[0]?.error).toMatchObject({ message: expect.stringContaining('m did not stop within 100 ms') });
  });
});
