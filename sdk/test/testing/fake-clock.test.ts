import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../src/testing/fake-clock.js';

describe('FakeClock', () => {
  it('moves both times only when told', async () => {
    const clock = new FakeClock(5_000);
    expect([clock.now(), clock.monotonicMs()]).toEqual([5_000, 0]);
    await clock.advance(1.5);
    expect([clock.now(), clock.monotonicMs()]).toEqual([5_001.5, 1.5]);
  });

  it.each(['1s', undefined, null, Number.NaN, Number.POSITIVE_INFINITY, -1, 5n])('does not move by %p', async (ms) => {
    const clock = new FakeClock(0);
    clock.setTimer(0, () => {
      throw new Error('it moved');
    });
    await expect(clock.advance(ms as number)).rejects.toMatchObject({ kind: 'input', code: 'CLOCK_ADVANCE_INVALID' });
    expect([clock.monotonicMs(), clock.pending]).toEqual([0, 1]);
  });

  it('runs timers in the order of their times, those set meanwhile too, each at its own time', async () => {
    const clock = new FakeClock(0);
    const log: string[] = [];
    const note = (name: string) => () => void log.push(`${name}@${clock.now()}`);
    clock.setTimer(30, note('c'));
    clock.setTimer(10, () => {
      note('a')();
      clock.setTimer(5, note('b'));
    });
    clock.setTimer(30, note('d'));
    const cancel = clock.setTimer(20, note('never'));
    cancel();
    cancel();
    await clock.advance(30);
    expect(log).toEqual(['a@10', 'b@15', 'c@30', 'd@30']);
    expect(clock.pending).toBe(0);
  });

  it('never goes back when it is advanced twice at once', async () => {
    const clock = new FakeClock(0);
    const times: number[] = [];
    // the shorter one runs this timer, and is through after the longer one
    clock.setTimer(5, () => times.push(clock.monotonicMs()));
    await Promise.all([clock.advance(5), clock.advance(40)]);
    expect([clock.monotonicMs(), times]).toEqual([40, [5]]);
  });

  it('lets promises settle between two timers', async () => {
    const clock = new FakeClock(0);
    const log: number[] = [];
    const loop = async () => {
      for (;;) {
        await clock.sleep(10);
        log.push(clock.now());
      }
    };
    void loop();
    await clock.advance(35);
    expect(log).toEqual([10, 20, 30]);
  });

  it('repeats until cancelled, also from inside the callback', async () => {
    const clock = new FakeClock(0);
    const times: number[] = [];
    const cancel = clock.setRepeating(10, () => {
      times.push(clock.now());
      if (times.length === 3) cancel();
    });
    await clock.advance(100);
    expect(times).toEqual([10, 20, 30]);
    expect(clock.pending).toBe(0);
  });

  it('rejects a sleep whose signal aborts, and leaves no timer', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(10, controller.signal);
    controller.abort(new Error('woken'));
    await expect(sleeping).rejects.toThrow('woken');
    expect(clock.pending).toBe(0);
  });
});
