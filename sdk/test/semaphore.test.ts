import { describe, expect, it } from '@jest/globals';
import { type Permit, Semaphore } from '../src/semaphore.js';
import { FakeClock } from '../src/testing/fake-clock.js';

function make(permits: number, maxWaiting?: number) {
  const clock = new FakeClock();
  return { clock, semaphore: new Semaphore({ permits, clock, ...(maxWaiting === undefined ? {} : { maxWaiting }) }) };
}

describe('Semaphore', () => {
  it('lets in as many as there are permits, then in the order of asking', async () => {
    const { semaphore } = make(1);
    const first = await semaphore.acquire();
    const order: number[] = [];
    const noted = async (name: number, permit: Promise<Permit | null>) => {
      await permit;
      order.push(name);
      return permit;
    };
    const second = noted(2, semaphore.acquire());
    const third = noted(3, semaphore.acquire());
    expect([semaphore.inUse, semaphore.waiting]).toEqual([1, 2]);
    first?.release();
    (await second)?.release();
    await third;
    expect(order).toEqual([2, 3]);
    expect([semaphore.inUse, semaphore.waiting]).toEqual([1, 0]);
  });

  it('counts a permit given back twice once', async () => {
    const { semaphore } = make(2);
    const permit = await semaphore.acquire();
    await semaphore.acquire();
    permit?.release();
    permit?.[Symbol.dispose]();
    expect(semaphore.inUse).toBe(1);
  });

  it('answers null when the time is up, and leaves no timer and no place in the queue', async () => {
    const { clock, semaphore } = make(1);
    const held = await semaphore.acquire();
    const late = semaphore.acquire({ timeoutMs: 100 });
    await clock.advance(99);
    expect(semaphore.waiting).toBe(1);
    await clock.advance(1);
    expect(await late).toBeNull();
    held?.release();
    expect([semaphore.waiting, semaphore.inUse, clock.pending]).toEqual([0, 0, 0]);
  });

  it('does not wait with a time-out of 0', async () => {
    const { clock, semaphore } = make(1);
    expect(await semaphore.acquire({ timeoutMs: 0 })).not.toBeNull();
    expect(await semaphore.acquire({ timeoutMs: 0 })).toBeNull();
    expect(clock.pending).toBe(0);
  });

  it("rejects with the signal's reason, whether it aborted before or while waiting", async () => {
    const { clock, semaphore } = make(1);
    const reason = new Error('gone');
    await expect(semaphore.acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(semaphore.inUse).toBe(0);
    await semaphore.acquire();
    const controller = new AbortController();
    const waiting = semaphore.acquire({ signal: controller.signal, timeoutMs: 50 });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect([semaphore.waiting, clock.pending]).toEqual([0, 0]);
  });

  it('ignores an abort after the permit was given', async () => {
    const { semaphore } = make(1);
    const controller = new AbortController();
    const permit = await semaphore.acquire({ signal: controller.signal });
    controller.abort();
    expect(semaphore.inUse).toBe(1);
    permit?.release();
    expect(semaphore.inUse).toBe(0);
  });

  it('refuses with QUEUE_FULL when as many wait as may', async () => {
    const { semaphore } = make(1, 1);
    await semaphore.acquire();
    const waiting = semaphore.acquire();
    await expect(semaphore.acquire()).rejects.toMatchObject({ code: 'QUEUE_FULL', kind: 'capacity' });
    semaphore.setMaxWaiting(2);
    const another = semaphore.acquire();
    semaphore.setMaxWaiting(0);
    semaphore.resize(3);
    expect(await waiting).not.toBeNull();
    expect(await another).not.toBeNull();
  });

  it('lets waiters in when it grows, and drains when it shrinks', async () => {
    const { semaphore } = make(1);
    const permits = [await semaphore.acquire()];
    const waiting = [semaphore.acquire(), semaphore.acquire(), semaphore.acquire()];
    semaphore.resize(3);
    permits.push((await waiting[0]) ?? null, (await waiting[1]) ?? null);
    expect([semaphore.inUse, semaphore.waiting]).toEqual([3, 1]);
    semaphore.resize(1);
    permits[0]?.release();
    permits[1]?.release();
    expect([semaphore.inUse, semaphore.waiting]).toEqual([1, 1]);
    permits[2]?.release();
    expect(await waiting[2]).not.toBeNull();
    expect(semaphore.tryAcquire()).toBeNull();
  });

  it('tells how long the head of the queue has waited', async () => {
    const { clock, semaphore } = make(1);
    const held = await semaphore.acquire();
    expect(semaphore.oldestWaitMs).toBe(0);
    const waiting = semaphore.acquire();
    await clock.advance(30);
    void semaphore.acquire();
    await clock.advance(5);
    expect(semaphore.oldestWaitMs).toBe(35);
    held?.release();
    await waiting;
    expect(semaphore.oldestWaitMs).toBe(5);
  });

  it.each([
    [{ permits: 1, maxWating: 5 }, /A Semaphore cannot work: options\.maxWating is unknown: did you mean maxWaiting\?/],
    [5, /options must be an object with permits, clock, maxWaiting, and is a number/],
  ])('refuses the options %j', (options, message) => {
    expect(() => new Semaphore((typeof options === 'number' ? options : { clock: new FakeClock(), ...options }) as never)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'SEMAPHORE_OPTIONS_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it.each([-1, 0.5, Number.NaN])('refuses the size %p', (size) => {
    const { semaphore } = make(1);
    expect(() => semaphore.resize(size)).toThrow(expect.objectContaining({ code: 'SEMAPHORE_SIZE_INVALID' }));
    expect(() => semaphore.setMaxWaiting(size)).toThrow(expect.objectContaining({ code: 'SEMAPHORE_SIZE_INVALID' }));
    expect(semaphore.permits).toBe(1);
  });
});
