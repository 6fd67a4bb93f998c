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

/** Three to five hungry or idle ones of unlike cost on a machine under no pressure. */
const quietRound = fc.record({
  cores: fc.integer({ min: 1, max: 16 }),
  overcommit: fc.constantFrom(0.5, 1, 2),
  inputs: fc.array(
    anyInput.map((one) => ({ ...one, windowDemand: one.demand })),
    { minLength: 3, maxLength: 5 },
  ),
});
const costsOf = fc.constantFrom(0.1, 0.25, 1);
const LEFT = 1e-6;

const used = (decided: readonly { readonly to: number }[], inputs: readonly ArbitrationInput[]) =>
  decided.reduce((sum, { to }, index) => sum + to * (inputs[index]?.costCores ?? 0), 0);
const hungry = ({ demand, ceiling }: ArbitrationInput, to: number) => to < Math.min(demand, ceiling);

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

  it('raises nothing for demand that is past', () => {
    const served = input({ name: 'a.x', demand: 0, windowDemand: 9, ceilingNow: 1 });
    expect(arbitrate(QUIET, [served], { overcommit: 2 })[0]).toMatchObject({ to: 1, limitedBy: 'floor' });
    fc.assert(
      fc.property(machine, fc.array(anyInput, { maxLength: 8 }), fc.constantFrom(0.5, 1, 2, 4), (sample, inputs, overcommit) => {
        for (const [index, { to }] of arbitrate(sample, inputs, { overcommit }).entries()) {
          const { ceilingNow, demand, floor } = inputs[index] as ArbitrationInput;
          expect(to).toBeLessThanOrEqual(Math.max(ceilingNow, demand, floor));
        }
      }),
    );
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

  it('leaves nothing idle while somebody wants more and can pay for it', () => {
    fc.assert(
      fc.property(quietRound, ({ cores, overcommit, inputs }) => {
        const decided = arbitrate({ ...QUIET, cores }, inputs, { overcommit });
        const left = cores * overcommit - used(decided, inputs);
        for (const [index, one] of inputs.entries()) {
          if (hungry(one, decided[index]?.to ?? 0)) expect(one.costCores).toBeGreaterThan(left - LEFT);
        }
      }),
    );
  });

  it('is max-min fair: nobody has an operation more, per weight, than one that goes hungry and costs no more', () => {
    fc.assert(
      fc.property(quietRound, ({ cores, overcommit, inputs }) => {
        const decided = arbitrate({ ...QUIET, cores }, inputs, { overcommit });
        const level = (index: number, less: number) => {
          const { costCores, weight } = inputs[index] as ArbitrationInput;
          return (((decided[index]?.to ?? 0) - less) * costCores) / weight;
        };
        for (const [poor, one] of inputs.entries()) {
          if (!hungry(one, decided[poor]?.to ?? 0)) continue;
          for (const [rich, other] of inputs.entries()) {
            const above = (decided[rich]?.to ?? 0) > Math.min(other.floor, other.ceiling);
            if (above && one.costCores <= other.costCores) expect(level(rich, 1)).toBeLessThanOrEqual(level(poor, 0) + LEFT);
          }
        }
      }),
    );
  });

  it('starves nobody: whoever wants something has at least its floor, whatever the others want, cost or hold', () => {
    fc.assert(
      fc.property(quietRound, fc.array(fc.nat(100)), ({ cores, overcommit, inputs }, held) => {
        const withHolders = inputs.map((one, index) => (held[index] === undefined ? one : { ...one, held: held[index] }));
        for (const [index, { to }] of arbitrate({ ...QUIET, cores }, withHolders, { overcommit }).entries()) {
          const { floor, ceiling } = inputs[index] as ArbitrationInput;
          expect(to).toBeGreaterThanOrEqual(Math.min(floor, ceiling));
          expect(to).toBeGreaterThanOrEqual(1);
        }
      }),
    );
  });

  it('gives others only what those that hold theirs leave over: budget, floors or holdings, whichever is most', () => {
    fc.assert(
      fc.property(quietRound, fc.integer({ min: 1, max: 100 }), costsOf, ({ cores, overcommit, inputs }, held, costCores) => {
        const holder = input({ name: 'h.old', demand: 200, windowDemand: 200, held, costCores });
        const all = [holder, ...inputs];
        const decided = arbitrate({ ...QUIET, cores }, all, { overcommit });
        const floors = inputs.reduce((sum, { floor, ceiling, costCores: cost }) => sum + Math.min(floor, ceiling) * cost, 0);
        expect(decided[0]?.to).toBe(held);
        expect(used(decided, all)).toBeLessThanOrEqual(Math.max(cores * overcommit, floors + held * costCores) + LEFT);
      }),
    );
  });

  it('explains every number by a bound that is there', () => {
    fc.assert(
      fc.property(quietRound, ({ cores, overcommit, inputs }) => {
        const decided = arbitrate({ ...QUIET, cores }, inputs, { overcommit });
        for (const [index, { to, limitedBy, reason }] of decided.entries()) {
          const one = inputs[index] as ArbitrationInput;
          expect(reason.startsWith(`${one.demand} wanted, ${to} given: `)).toBe(true);
          if (limitedBy === 'demand') expect(to).toBe(one.demand);
          if (limitedBy === 'ceiling') expect([to, to < one.demand]).toEqual([one.ceiling, true]);
          if (limitedBy === 'share') expect([hungry(one, to), reason.includes(`weight ${one.weight}`)]).toEqual([true, true]);
          if (limitedBy === 'floor') expect([to, to > one.demand]).toEqual([Math.min(one.floor, one.ceiling), true]);
          expect(['demand', 'ceiling', 'share', 'floor']).toContain(limitedBy);
        }
      }),
    );
  });

  it('says who did not give back what it holds to those who go short of it, and to nobody else', () => {
    const holder = input({ name: 'a.old', demand: 50, held: 3 });
    const decided = arbitrate(QUIET, [holder, input({ name: 'b.y', demand: 9 })], { overcommit: 2 });
    expect(decided).toMatchObject([
      { to: 3, reason: expect.not.stringContaining('give back') },
      { to: 1, limitedBy: 'share', reason: expect.stringMatching(/; a\.old did not give back what it holds$/), inputs: { keptCores: 3 } },
    ]);
  });
});
