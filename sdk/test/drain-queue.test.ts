import { describe, expect, it, jest } from '@jest/globals';
import { type Drainable, DrainQueue } from '../src/drain-queue.js';

/** A queue under a clock that goes on by what each delivery costs, and the strides it asked for: one list per subscriber and turn. */
function make() {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  const queue = new DrainQueue(clock);
  let turns = 0;
  const subscriber = (events: number, costMs: (turn: number, nth: number) => number) => {
    const strides: number[][] = [];
    let delivered = 0;
    const drainable: Drainable = {
      deliver(limit) {
        (strides[turns] ??= []).push(limit);
        for (let n = 0; n < limit && delivered < events; n += 1) clock.nowMs += costMs(turns, (delivered += 1));
        return delivered < events ? 'again' : 'empty';
      },
      batchEnded() {},
    };
    queue.add(drainable);
    return strides;
  };
  const run = async () => {
    let idle = false;
    void queue.idle().then(() => {
      idle = true;
    });
    for (; !idle && turns < 1_000; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, subscriber, run };
}

const flat = (strides: readonly (readonly number[])[]) => strides.filter((each) => each !== undefined).map((each) => [...each]);

describe('DrainQueue', () => {
  it('ends the turn with the first call of a handler that is always slow', async () => {
    const { subscriber, run } = make();
    const slow = subscriber(4, () => 5);
    await run();
    expect(flat(slow)).toEqual([[1], [1], [1], [1]]);
  });

  it('looks at the clock after the first event of a turn and every 32 after it, also where subscribers take turns', async () => {
    const { subscriber, run } = make();
    const [one, other] = [subscriber(192, () => 0.001), subscriber(192, () => 0.001)];
    await run();
    expect(flat(one)).toEqual([[1, 32, 31, 32, 32, 32, 32]]);
    expect(flat(other)).toEqual(flat(one));
  });

  it('lets a handler that was quick in one turn begin the next one with a single event', async () => {
    const { subscriber, run } = make();
    const strides = subscriber(70, (turn) => (turn === 0 ? 0.001 : 5));
    // ends the turn early, while the quick one still has a long stride
    subscriber(1, () => 5);
    await run();
    expect(flat(strides).slice(0, 3)).toEqual([[1, 32, 31], [1], [1]]);
  });

  it('has nobody waiting in it who is not to be served, when it fails to take one in at the end of a stack', async () => {
    const { queue, subscriber } = make();
    const planning = jest.spyOn(globalThis, 'queueMicrotask').mockImplementationOnce(() => {
      throw new RangeError('Maximum call stack size exceeded');
    });
    try {
      expect(() => subscriber(1, () => 0)).toThrow(RangeError);
      expect(queue.isBehind).toBe(false);
      const strides = subscriber(1, () => 0);
      await queue.idle();
      expect(flat(strides)).toEqual([[1]]);
    } finally {
      planning.mockRestore();
    }
  });

  it('makes 32 calls at most of a handler that turns slow between two batches', async () => {
    const { subscriber, run } = make();
    const strides = subscriber(200, (_turn, nth) => (nth <= 64 ? 0.001 : 5));
    subscriber(64, () => 0.001);
    await run();
    expect(flat(strides).slice(0, 2)).toEqual([[1, 32, 31, 32], [1]]);
  });
});
