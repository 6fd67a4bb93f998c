import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Permit, Semaphore } from '../src/semaphore.js';
import { FakeClock } from '../src/testing/fake-clock.js';

type Step =
  | { readonly do: 'acquire'; readonly timeoutMs: number | undefined }
  | { readonly do: 'try' }
  | { readonly do: 'release' | 'abort'; readonly which: number }
  | { readonly do: 'resize'; readonly permits: number }
  | { readonly do: 'advance'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('acquire' as const), timeoutMs: fc.option(fc.nat(50), { nil: undefined }) }) },
  fc.record({ do: fc.constant('try' as const) }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat() }) },
  fc.record({ do: fc.constant('abort' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('resize' as const), permits: fc.nat(5) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(30) }),
);

/** The specification: plain arrays, no timers. */
class Model {
  permits: number;
  nowMs = 0;
  nextId = 0;
  readonly held: number[] = [];
  queue: { readonly id: number; readonly dueMs: number }[] = [];
  readonly maxWaiting: number;

  constructor(permits: number, maxWaiting: number) {
    this.permits = permits;
    this.maxWaiting = maxWaiting;
  }

  acquire(timeoutMs: number): 'held' | 'null' | 'full' | 'queued' {
    const id = this.nextId;
    this.nextId += 1;
    if (this.queue.length === 0 && this.held.length < this.permits) {
      this.held.push(id);
      return 'held';
    }
    if (timeoutMs <= 0) return 'null';
    if (this.queue.length >= this.maxWaiting) return 'full';
    this.queue.push({ id, dueMs: this.nowMs + timeoutMs });
    return 'queued';
  }

  admit(): void {
    while (this.queue.length > 0 && this.held.length < this.permits) this.held.push(this.queue.shift()!.id);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.queue = this.queue.filter(({ dueMs }) => dueMs > this.nowMs);
  }
}

it('agrees with a model for any mixture of acquiring, releasing, resizing, time-outs and aborts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(3), fc.nat(4), fc.array(step, { maxLength: 60 }), async (permits, maxWaiting, steps) => {
      const clock = new FakeClock();
      const semaphore = new Semaphore({ permits, clock, maxWaiting });
      const model = new Model(permits, maxWaiting);
      const granted = new Map<number, Permit>();
      const aborts = new Map<number, AbortController>();
      const settled = new Set<number>();

      for (const each of steps) {
        if (each.do === 'acquire') {
          const id = model.nextId;
          const controller = new AbortController();
          aborts.set(id, controller);
          model.acquire(each.timeoutMs ?? Number.POSITIVE_INFINITY);
          semaphore
            .acquire({ signal: controller.signal, ...(each.timeoutMs === undefined ? {} : { timeoutMs: each.timeoutMs }) })
            .then((permit) => permit !== null && granted.set(id, permit))
            .catch(() => undefined)
            .finally(() => settled.add(id));
        } else if (each.do === 'try') {
          const id = model.nextId;
          const permit = semaphore.tryAcquire();
          expect(permit === null ? 'null' : 'held').toBe(model.acquire(0));
          if (permit !== null) granted.set(id, permit);
        } else if (each.do === 'release' && model.held.length > 0) {
          const [id] = model.held.splice(each.which % model.held.length, 1);
          granted.get(id!)?.release();
          granted.get(id!)?.release();
          granted.delete(id!);
          model.admit();
        } else if (each.do === 'abort' && model.queue.length > 0) {
          const [waiter] = model.queue.splice(each.which % model.queue.length, 1);
          aborts.get(waiter!.id)?.abort();
        } else if (each.do === 'resize') {
          model.permits = each.permits;
          semaphore.resize(each.permits);
          model.admit();
        } else if (each.do === 'advance') {
          model.advance(each.ms);
          await clock.advance(each.ms);
        }
        await new Promise((resolve) => setImmediate(resolve));
        expect([semaphore.permits, semaphore.inUse, semaphore.waiting]).toEqual([model.permits, model.held.length, model.queue.length]);
        expect([...granted.keys()].toSorted((a, b) => a - b)).toEqual(model.held.toSorted((a, b) => a - b));
      }
      for (const { id } of model.queue) expect(settled.has(id)).toBe(false);
      semaphore.resize(1_000);
      for (const permit of granted.values()) permit.release();
      await new Promise((resolve) => setImmediate(resolve));
      expect([semaphore.inUse, semaphore.waiting, clock.pending]).toEqual([model.queue.length, 0, 0]);
    }),
    { numRuns: 100 },
  );
});
