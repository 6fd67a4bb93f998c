import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DeadlineWheel } from '../../src/operations/deadline-wheel.js';

describe('DeadlineWheel', () => {
  it('fires each deadline once, never early and at most a tick late', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.integer({ min: 0, max: 20_000 }).map((tenths) => tenths / 10),
          { maxLength: 30 },
        ),
        async (deadlines) => {
          const clock = new FakeClock();
          const wheel = new DeadlineWheel(clock);
          const firedAt: number[][] = deadlines.map(() => []);
          for (const [index, deadline] of deadlines.entries()) wheel.add(deadline, () => firedAt[index]?.push(clock.monotonicMs()));
          await clock.advance(2_010);
          for (const [index, deadline] of deadlines.entries()) {
            expect(firedAt[index]).toHaveLength(1);
            expect(firedAt[index]?.[0]).toBeGreaterThanOrEqual(deadline);
            expect(firedAt[index]?.[0]).toBeLessThanOrEqual(deadline + 5);
          }
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('calls nothing that was cancelled, and leaves no timer behind', async () => {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock);
    let calls = 0;
    const cancels = [10, 20, 30].map((at) => wheel.add(at, () => (calls += 1)));
    for (const cancel of cancels) cancel();
    expect(clock.pending).toBe(0);
    expect(wheel.size).toBe(0);
    await clock.advance(100);
    expect(calls).toBe(0);
  });

  it('keeps the nearest deadline when a later one is added or an earlier one cancelled', async () => {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock);
    const fired: string[] = [];
    wheel.add(1_000, () => fired.push('late'));
    const cancel = wheel.add(10, () => fired.push('cancelled'));
    wheel.add(50, () => fired.push('early'));
    cancel();
    await clock.advance(60);
    expect(fired).toEqual(['early']);
    await clock.advance(1_000);
    expect(fired).toEqual(['early', 'late']);
  });

  it('takes a deadline added by another deadline', async () => {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock);
    const fired: number[] = [];
    wheel.add(10, () => wheel.add(20, () => fired.push(clock.monotonicMs())));
    await clock.advance(30);
    expect(fired).toEqual([20]);
  });

  it('never fires a deadline at infinity', () => {
    const clock = new FakeClock();
    new DeadlineWheel(clock).add(Number.POSITIVE_INFINITY, () => {});
    expect(clock.pending).toBe(0);
  });
});
