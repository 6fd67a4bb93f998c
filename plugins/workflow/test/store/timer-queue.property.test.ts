import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TimerHeap } from '../../src/store/timer-heap.js';
import { TimerQueue } from '../../src/store/timer-queue.js';

const run = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(2 ** 33, 2 ** 33 + 1, Number.MAX_SAFE_INTEGER));
const stage = fc.integer({ min: -3, max: 3 });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), run, stage, inMs: fc.integer({ min: -1_000, max: 60_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), run, stage }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 20_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -100_000, max: 100_000 }) }) },
);

describe('TimerHeap', () => {
  it('gives what a sorted list gives, through every growth and shrinking', () => {
    const change = fc.record({
      run: fc.integer({ min: 1, max: 400 }),
      stage: fc.integer({ min: 0, max: 2 }),
      dueAt: fc.integer({ min: 0, max: 300 }),
    });
    const pick = fc.constantFrom('set', 'set', 'set', 'delete', 'take');
    fc.assert(
      fc.property(fc.array(fc.tuple(pick, change), { maxLength: 2_000, size: 'max' }), (changes) => {
        const heap = new TimerHeap();
        const model = new Map<string, number>();
        for (const [what, { run, stage, dueAt }] of changes) {
          const key = `${run}/${stage}`;
          if (what === 'set') {
            heap.set(run, stage, dueAt);
            model.set(key, dueAt);
          } else if (what === 'delete') {
            expect(heap.delete(run, stage)).toBe(model.delete(key));
          } else expectFirst(heap, model);
        }
        while (model.size > 0) expectFirst(heap, model);
        expect(heap.takeFirst()).toBeNull();
        expect(heap.memoryBytes).toBeLessThan(64 * 100);
      }),
      { numRuns: 15 },
    );
  });

  it('holds a million times in less than 100 bytes each, and gives the memory back', () => {
    const heap = new TimerHeap();
    let most = 0;
    for (let key = 1; key <= 1_000_000; key += 1) {
      heap.set(key, key % 7, (key * 7_919) % 1_000_003);
      // the arrays double after a power of two: most of all is taken right then
      if (key > 1_024 && key % 1_024 === 1) most = Math.max(most, heap.memoryBytes / key);
    }
    expect(most).toBeLessThan(100);
    let last = -1;
    for (let entry = heap.takeFirst(); entry !== null; entry = heap.takeFirst()) {
      if (entry.dueAt < last) throw new Error(`${entry.dueAt} after ${last}`);
      last = entry.dueAt;
    }
    expect(heap.memoryBytes).toBeLessThan(10_000);
  });
});

describe('TimerQueue', () => {
  it('fires what a list of times would, never early, soon after it is due, in the order of times, however the clock jumps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const clock = new JumpingClock();
        const model = new Map<string, number>();
        const fired: number[] = [];
        const queue = new TimerQueue({
          clock,
          onDue(run, stage) {
            const dueAt = model.get(`${run}/${stage}`) ?? Number.NaN;
            expect(dueAt).toBeLessThanOrEqual(clock.now());
            model.delete(`${run}/${stage}`);
            fired.push(dueAt);
          },
        });
        for (const each of steps) {
          if (each.do === 'add') {
            model.set(`${each.run}/${each.stage}`, clock.now() + each.inMs);
            queue.add(each.run, each.stage, clock.now() + each.inMs);
          } else if (each.do === 'cancel') {
            expect(queue.cancel(each.run, each.stage)).toBe(model.delete(`${each.run}/${each.stage}`));
          } else if (each.do === 'jump') {
            clock.jumpMs += each.ms;
            await clock.advance(5_000);
            expectNoneOverdue(model, clock.now() - 5_000);
          } else {
            await clock.advance(each.ms);
            if (each.ms > 0) expectNoneOverdue(model, clock.now());
          }
          expect(queue.size).toBe(model.size);
          expect(clock.pending).toBe(model.size > 0 ? 1 : 0);
        }
        await clock.advance(400_000);
        expect(model.size).toBe(0);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('is on time for a wait that is added before the one it sleeps for', async () => {
    const clock = new FakeClock();
    const fired: number[] = [];
    const queue = new TimerQueue({ clock, onDue: (run) => fired.push(run) });
    queue.add(1, 0, clock.now() + 4_000);
    queue.add(2, 0, clock.now() + 1_000);
    await clock.advance(999);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual([2]);
  });

  it('fires all that is overdue in order, a thousand at a time', async () => {
    const clock = new FakeClock();
    const fired: number[] = [];
    const queue = new TimerQueue({ clock, onDue: (run) => fired.push(run) });
    for (let key = 2_500; key >= 1; key -= 1) queue.add(key, 0, clock.now() - 10_000 + key);
    expect(fired).toEqual([]);
    await clock.advance(0);
    expect(fired).toEqual(Array.from({ length: 2_500 }, (_, index) => index + 1));
  });

  it('lets its listener add and cancel, goes on after it threw, and is silent once closed', async () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    const queue = new TimerQueue({
      clock,
      onDue(run, stage) {
        fired.push(`${run}/${stage}`);
        if (run === 1) {
          queue.add(4, 4, clock.now());
          queue.cancel(2, 0);
          throw new Error('a fault of the listener');
        }
      },
    });
    queue.add(1, 0, clock.now() + 10);
    queue.add(2, 0, clock.now() + 10);
    queue.add(3, -1, clock.now() + 20);
    await expect(clock.advance(15)).rejects.toThrow('a fault of the listener');
    await clock.advance(20);
    expect(fired).toEqual(['1/0', '4/4', '3/-1']);
    queue.add(5, 0, clock.now() + 10);
    queue.close();
    queue.close();
    queue.add(6, 0, clock.now());
    expect(clock.pending).toBe(0);
  });
});

/** A clock whose wall clock can be set. */
class JumpingClock extends FakeClock {
  jumpMs = 0;

  override now(): number {
    return super.now() + this.jumpMs;
  }
}

function expectFirst(heap: TimerHeap, model: Map<string, number>): void {
  const earliest = model.size === 0 ? Number.POSITIVE_INFINITY : Math.min(...model.values());
  expect(heap.firstDueAt).toBe(earliest);
  const taken = heap.takeFirst();
  if (model.size === 0) {
    expect(taken).toBeNull();
    return;
  }
  const key = `${taken?.run}/${taken?.stage}`;
  expect([taken?.dueAt, model.get(key)]).toEqual([earliest, earliest]);
  model.delete(key);
  expect(heap.size).toBe(model.size);
}

function expectNoneOverdue(model: ReadonlyMap<string, number>, now: number): void {
  for (const dueAt of model.values()) expect(dueAt).toBeGreaterThan(now);
}
