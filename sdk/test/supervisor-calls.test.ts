import { describe, expect, it } from '@jest/globals';
import { Nursery } from './nursery.js';

async function started(ids: readonly string[], more: Parameters<Nursery['supervisor']>[1] = {}) {
  const nursery = new Nursery();
  const supervisor = nursery.supervisor(
    ids.map((id) => nursery.child(id)),
    more,
  );
  await supervisor.start();
  return { nursery, supervisor };
}

const states = (supervisor: { status(): readonly { id: string; state: string }[] }) =>
  supervisor.status().map(({ id, state }) => `${id} ${state}`);

describe('the calls of a Supervisor', () => {
  it('add a child behind the others, which is restarted and stopped as they are', async () => {
    const { nursery, supervisor } = await started(['a']);
    await supervisor.startChild(nursery.child('b'));
    await nursery.end('b');
    await nursery.stop(supervisor);
    const order = nursery.log.filter((line) => !line.startsWith('stopped'));
    expect(order).toEqual(['start a1', 'start b1', 'end b', 'start b2', 'stop b2', 'stop a1']);
  });

  it('do not add a child that does not start, nor one whose id is taken, running or not', async () => {
    const { nursery, supervisor } = await started(['a']);
    nursery.failures.set('b', 1);
    await expect(supervisor.startChild(nursery.child('b'))).rejects.toThrow('b1 does not start');
    await expect(supervisor.startChild(nursery.child('a'))).rejects.toMatchObject({ code: 'CHILD_ID_TAKEN' });
    await supervisor.stopChild('a');
    await expect(supervisor.startChild(nursery.child('a'))).rejects.toMatchObject({ code: 'CHILD_ID_TAKEN' });
    expect(states(supervisor)).toEqual(['a stopped']);
  });

  it('stop a child, start it again and forget it', async () => {
    const { nursery, supervisor } = await started(['a', 'b']);
    await supervisor.stopChild('a');
    await supervisor.stopChild('a');
    expect(states(supervisor)).toEqual(['a stopped', 'b running']);
    await supervisor.restartChild('a');
    expect(supervisor.status()[0]).toEqual({ id: 'a', state: 'running', restarts: 0 });
    await supervisor.stopChild('a');
    await supervisor.deleteChild('a');
    expect(states(supervisor)).toEqual(['b running']);
    expect(nursery.log).toEqual(['start a1', 'start b1', 'stop a1', 'stopped a1', 'start a2', 'stop a2', 'stopped a2']);
  });

  it('refuse what does not fit the state of the child, and unknown ones', async () => {
    const { supervisor } = await started(['a']);
    await expect(supervisor.restartChild('a')).rejects.toMatchObject({ code: 'CHILD_NOT_STOPPED', kind: 'refused' });
    await expect(supervisor.deleteChild('a')).rejects.toMatchObject({ code: 'CHILD_NOT_STOPPED' });
    for (const call of ['stopChild', 'restartChild', 'deleteChild'] as const) {
      await expect(supervisor[call]('z')).rejects.toMatchObject({ code: 'CHILD_UNKNOWN', kind: 'not_found' });
    }
  });

  it('leave a child stopped that does not start again', async () => {
    const { nursery, supervisor } = await started(['a']);
    await supervisor.stopChild('a');
    nursery.failures.set('a', 1);
    await expect(supervisor.restartChild('a')).rejects.toThrow('a2 does not start');
    expect(states(supervisor)).toEqual(['a stopped']);
  });

  it('call off the next attempt of a child that is to be restarted, and are answered meanwhile', async () => {
    const { nursery, supervisor } = await started(['a'], { backoff: { initialMs: 1_000, factor: 2, maxMs: 1_000 } });
    await nursery.end('a');
    await expect(supervisor.restartChild('a')).rejects.toMatchObject({ code: 'CHILD_NOT_STOPPED' });
    await expect(supervisor.deleteChild('a')).rejects.toMatchObject({ code: 'CHILD_NOT_STOPPED' });
    await supervisor.stopChild('a');
    await nursery.clock.advance(10_000);
    expect(states(supervisor)).toEqual(['a stopped']);
    expect(nursery.log).toEqual(['start a1', 'end a']);
  });

  it('make one attempt, not two, of a child that is started by hand after an attempt was called off', async () => {
    const { nursery, supervisor } = await started(['a'], { backoff: { initialMs: 1_000, factor: 2, maxMs: 1_000 } });
    await nursery.end('a');
    await supervisor.stopChild('a');
    await supervisor.restartChild('a');
    await nursery.clock.advance(10_000);
    expect(nursery.log).toEqual(['start a1', 'end a', 'start a2']);
  });

  it('tell of a child that had to be ended by force, which is stopped all the same', async () => {
    const { nursery, supervisor } = await started([]);
    await supervisor.startChild(nursery.child('slow', { stopMs: 5_000, stopTimeoutMs: 100 }));
    const stopping = expect(supervisor.stopChild('slow')).rejects.toMatchObject({ code: 'CHILD_STOP_TIMEOUT' });
    await nursery.clock.advance(100);
    await stopping;
    expect(states(supervisor)).toEqual(['slow stopped']);
  });

  it('are refused before the start and after the stop', async () => {
    const nursery = new Nursery();
    const supervisor = nursery.supervisor([]);
    await expect(supervisor.startChild(nursery.child('a'))).rejects.toMatchObject({ code: 'SUPERVISOR_NOT_STARTED' });
    await supervisor.start();
    const late = expect(supervisor.startChild(nursery.child('b'))).rejects.toMatchObject({ code: 'SUPERVISOR_STOPPED' });
    await supervisor.stop();
    await late;
    await expect(supervisor.stopChild('b')).rejects.toMatchObject({ code: 'SUPERVISOR_STOPPED' });
    expect(nursery.log).toEqual([]);
  });

  it('leave nobody behind whose start goes on when the supervisor stops', async () => {
    const { nursery, supervisor } = await started([]);
    const goesOn = Promise.withResolvers<void>();
    const late = nursery.child('late');
    const start = async (signal: AbortSignal) => {
      await goesOn.promise;
      return late.start(signal);
    };
    const adding = expect(supervisor.startChild({ ...late, start })).rejects.toMatchObject({ code: 'SUPERVISOR_STOPPED' });
    await nursery.clock.advance(0);
    const stopping = supervisor.stop();
    await adding;
    goesOn.resolve();
    expect(await stopping).toEqual([]);
    await nursery.clock.advance(0);
    expect(nursery.log).toEqual(['start late1', 'stop late1', 'stopped late1']);
  });

  it('do not stop a child that has ended as soon as it was there', async () => {
    const { nursery, supervisor } = await started([]);
    const goesOn = Promise.withResolvers<void>();
    let stops = 0;
    const start = async () => {
      await goesOn.promise;
      return { exited: Promise.resolve({ ok: true }), stop: async () => void (stops += 1) };
    };
    const adding = expect(supervisor.startChild({ ...nursery.child('brief'), start })).rejects.toMatchObject({
      code: 'SUPERVISOR_STOPPED',
    });
    await nursery.clock.advance(0);
    const stopping = supervisor.stop();
    await adding;
    goesOn.resolve();
    expect(await stopping).toEqual([]);
    expect(stops).toBe(0);
  });

  it('are done one after the other, however many come at once', async () => {
    const { nursery, supervisor } = await started([]);
    const ids = Array.from({ length: 1_000 }, (_, index) => `c${index}`);
    await Promise.all(ids.map((id) => supervisor.startChild(nursery.child(id))));
    expect(nursery.log).toEqual(ids.map((id) => `start ${id}1`));
    await Promise.all(ids.map((id) => supervisor.stopChild(id).then(() => supervisor.deleteChild(id))).concat(nursery.clock.advance(0)));
    expect(supervisor.status()).toEqual([]);
  });
});
