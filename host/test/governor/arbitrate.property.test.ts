import { CRITICALITIES } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ArbitrationInput, arbitrate } from '../../src/governor/arbitrate.js';

const QUIET = { cores: 2, memoryRatio: 0.3, eventLoopDelayP99Ms: 1 };

const input = (over: Partial<ArbitrationInput> = {}): ArbitrationInput => ({
  name: 'a.x',
  demand: 0,
  windowDemand: over.demand ?? 0,
  ceilingNow: 1,
  weight: 1,
  floor: 1,
  ceiling: Number.POSITIVE_INFINITY,
  costCores: 1,
  criticality: 'degraded',
  ...over,
});

const anyInput: fc.Arbitrary<ArbitrationInput> = fc
  .record({
    name: fc.constant('a.x'),
    demand: fc.nat(100),
    extra: fc.nat(50),
    ceilingNow: fc.integer({ min: 1, max: 100 }),
    weight: fc.constantFrom(0.5, 1, 2, 7),
    floor: fc.integer({ min: 1, max: 5 }),
    ceiling: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 60 })),
    costCores: fc.constantFrom(0.1, 0.5, 1, 2),
    criticality: fc.constantFrom(...CRITICALITIES),
  })
  .map(({ extra, ...rest }) => ({ ...rest, windowDemand: rest.demand + extra }));

const machine = fc.record({
  cores: fc.integer({ min: 1, max: 64 }),
  memoryRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  eventLoopDelayP99Ms: fc.double({ min: 0, max: 500, noNaN: true }),
});

describe('arbitrate', () => {
  it('never gives less than a floor, more than a ceiling, or more than the budget beyond the floors', () => {
    fc.assert(
      fc.property(machine, fc.array(anyInput, { maxLength: 8 }), fc.constantFrom(0.5, 1, 2, 4), (sample, inputs, overcommit) => {
        const decided = arbitrate(sample, inputs, { overcommit });
        let floors = 0;
        let given = 0;
        for (const [index, { to }] of decided.entries()) {
          const { floor, ceiling, costCores } = inputs[index] as ArbitrationInput;
          expect(Number.isInteger(to)).toBe(true);
          expect(to).toBeGreaterThanOrEqual(Math.min(floor, ceiling));
          expect(to).toBeLessThanOrEqual(ceiling);
          floors += Math.min(floor, ceiling) * costCores;
          given += to * costCores;
        }
        expect(given).toBeLessThanOrEqual(Math.max(floors, sample.cores * overcommit) + 1e-6);
      }),
    );
  });

  it('gives the same answer for the same inputs, and a reason with every number', () => {
    fc.assert(
      fc.property(machine, fc.array(anyInput, { maxLength: 8 }), (sample, inputs) => {
        const first = arbitrate(sample, inputs, { overcommit: 2 });
        expect(arbitrate(sample, inputs, { overcommit: 2 })).toEqual(first);
        for (const { reason, to } of first) expect(reason).toContain(`${to} given`);
      }),
    );
  });

  it('does not move under constant load: what it gave is what it gives again', () => {
    fc.assert(
      fc.property(machine, fc.array(anyInput, { minLength: 1, maxLength: 8 }), (sample, inputs) => {
        const first = arbitrate(sample, inputs, { overcommit: 2 });
        const again = inputs.map((one, index) => ({ ...one, ceilingNow: first[index]?.to ?? 1 }));
        expect(arbitrate(sample, again, { overcommit: 2 }).map(({ to }) => to)).toEqual(first.map(({ to }) => to));
      }),
    );
  });

  it('raises a limit at once to what is wanted when there is room', () => {
    expect(arbitrate(QUIET, [input({ demand: 3 })], { overcommit: 2 })[0]).toMatchObject({ from: 1, to: 3, limitedBy: 'demand' });
  });

  it('divides what is wanted by two hungry subsystems by their weights', () => {
    const decided = arbitrate(
      { ...QUIET, cores: 6 },
      [input({ name: 'a.x', demand: 50, weight: 2 }), input({ name: 'b.y', demand: 50, weight: 1 })],
      { overcommit: 2 },
    );
    expect(decided.map(({ to, limitedBy }) => [to, limitedBy])).toEqual([
      [8, 'share'],
      [4, 'share'],
    ]);
  });

  it('lends idle share and takes it back in the period in which its owner wants it', () => {
    const hungry = input({ name: 'a.x', demand: 50 });
    const idle = input({ name: 'b.y' });
    expect(arbitrate(QUIET, [hungry, idle], { overcommit: 2 }).map(({ to }) => to)).toEqual([3, 1]);
    const awake = { ...idle, demand: 50, windowDemand: 50 };
    expect(arbitrate(QUIET, [{ ...hungry, ceilingNow: 3 }, awake], { overcommit: 2 }).map(({ to }) => to)).toEqual([2, 2]);
  });

  it('lets a limit fall only after the window, unless another subsystem wants the share', () => {
    const resting = input({ name: 'a.x', demand: 0, windowDemand: 4, ceilingNow: 4 });
    expect(arbitrate(QUIET, [resting], { overcommit: 2 })[0]).toMatchObject({ to: 4, limitedBy: 'stabilization' });
    expect(arbitrate(QUIET, [resting, input({ name: 'b.y', demand: 9 })], { overcommit: 2 }).map(({ to }) => to)).toEqual([1, 3]);
    expect(arbitrate(QUIET, [{ ...resting, windowDemand: 0 }], { overcommit: 2 })[0]).toMatchObject({ to: 1, limitedBy: 'floor' });
  });

  it('names the operator’s ceiling when that is what binds', () => {
    expect(arbitrate(QUIET, [input({ demand: 9, ceiling: 2 })], { overcommit: 2 })[0]).toMatchObject({ to: 2, limitedBy: 'ceiling' });
  });

  it('raises nothing while memory is short, and sends bulk to its floor first and the critical never', () => {
    const all = CRITICALITIES.map((criticality) => input({ name: `a.${criticality}`, demand: 9, ceilingNow: 2, criticality }));
    const at = (memoryRatio: number) => arbitrate({ ...QUIET, cores: 64, memoryRatio }, all, { overcommit: 2 });
    expect(at(0.93).map(({ to }) => to)).toEqual([2, 2, 2, 1]);
    expect(at(0.96).map(({ to }) => to)).toEqual([2, 1, 1, 1]);
    expect(at(0.96).every(({ limitedBy }) => limitedBy === 'memory')).toBe(true);
  });

  it('raises nothing while the event loop of the host is late', () => {
    const [decided] = arbitrate({ ...QUIET, eventLoopDelayP99Ms: 300 }, [input({ demand: 4, ceilingNow: 2 })], { overcommit: 2 });
    expect(decided).toMatchObject({ to: 2, limitedBy: 'cpu' });
  });
});
