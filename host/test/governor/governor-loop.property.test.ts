import { DEFAULT_SCALING_LIMITS, type IScalableSubsystem, type ScalingLimits, type ScalingMetrics } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FakeSubsystem, Governed } from './governed.js';

const NAMES = ['compute.wasm', 'workflow.pipeline', 'harness.scale'] as const;
const ANSWERS = ['takes', 'refuses falls', 'refuses', 'never'] as const;

const plan = fc.record({
  cores: fc.integer({ min: 1, max: 16 }),
  subsystems: fc.tuple(
    ...NAMES.map(() =>
      fc.record({
        floor: fc.integer({ min: 1, max: 4 }),
        costCores: fc.constantFrom(0.1, 0.25, 1),
        ceiling: fc.integer({ min: 1, max: 64 }),
      }),
    ),
  ),
  weights: fc.tuple(...NAMES.map(() => fc.constantFrom(0.5, 1, 3))),
  /** Each step: what each wants, how each answers, and for how many periods that lasts. */
  steps: fc.array(
    fc.record({
      demands: fc.tuple(...NAMES.map(() => fc.nat(120))),
      answers: fc.tuple(...NAMES.map(() => fc.constantFrom(...ANSWERS, 'takes' as const, 'takes' as const))),
      periods: fc.integer({ min: 1, max: 8 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

type Plan = typeof plan extends fc.Arbitrary<infer P> ? P : never;

function governed({ cores, subsystems, weights }: Plan) {
  const policies = Object.fromEntries(NAMES.map((name, index) => [name, { weight: weights[index] }]));
  return new Governed(
    NAMES.map((name, index) => new FakeSubsystem(name, subsystems[index])),
    { cores, policies },
  );
}

async function step(loop: Governed, { demands, answers, periods }: Plan['steps'][number]): Promise<void> {
  for (const [index, one] of loop.subsystems.entries()) {
    one.demand = demands[index] ?? 0;
    one.answers = answers[index] ?? 'takes';
  }
  await loop.periods(periods);
}

describe('the loop of the governor over three subsystems', () => {
  it('comes to rest under constant demand, also where some refuse or never answer, and asks those that took nothing new', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const loop = governed(given);
        for (const one of given.steps) await step(loop, one);
        // the window of falling demand, and a time-out of whoever never answers
        await loop.periods(40);
        const resting = loop.ceilings;
        const asked = loop.subsystems.map((one) => one.asked);
        const decisions = loop.governor.decisions({ limit: 10_000 }).length;
        await loop.periods(20);
        expect(loop.ceilings).toEqual(resting);
        // Who never answers is given up and asked again every five seconds; that is told, and may change what a refusing one is told.
        const isAnswered = loop.subsystems.every(({ answers }) => answers !== 'never');
        if (isAnswered) expect(loop.governor.decisions({ limit: 10_000 })).toHaveLength(decisions);
        for (const [index, one] of loop.subsystems.entries()) if (one.answers === 'takes') expect(one.asked).toBe(asked[index]);
      }),
      { numRuns: 60 },
    );
  });

  it('never gives more than the budget, the floors, or what is held, whatever was refused on the way', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const loop = governed(given);
        for (const one of given.steps) {
          await step(loop, one);
          await loop.periods(8);
          const cost = (index: number, slots: number) => slots * (given.subsystems[index]?.costCores ?? 0);
          let use = 0;
          let sure = 0;
          for (const [index, { demand, answers }] of loop.subsystems.entries()) {
            const floor = given.subsystems[index]?.floor ?? 0;
            const ceiling = loop.ceilings[index] ?? 0;
            // What a subsystem has use for now is what others cannot have; a ceiling above that costs nobody anything.
            use += cost(index, Math.min(ceiling, Math.max(demand, floor)));
            sure += cost(index, answers === 'takes' ? floor : Math.max(floor, ceiling));
          }
          expect(use).toBeLessThanOrEqual(Math.max(given.cores * 2, sure) + 1e-6);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is back at fair shares one period after everybody agrees again', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const loop = governed(given);
        const hungry = { demands: [500, 500, 500] as [number, number, number], periods: 1 };
        for (const one of given.steps) await step(loop, one);
        // whoever never answered is given up after five periods
        await step(loop, { ...hungry, answers: ['takes', 'takes', 'takes'], periods: 6 });
        const fresh = governed(given);
        await step(fresh, { ...hungry, answers: ['takes', 'takes', 'takes'], periods: 2 });
        expect(loop.ceilings).toEqual(fresh.ceilings);
      }),
      { numRuns: 60 },
    );
  });
});

/**
 * A subsystem with a law of its own: every ten seconds it takes a step down when its callers wait on each other too long, and
 * a step up when all its places are taken. The strange figures of a fast-check run drive it up and down as no real one would.
 */
class LawfulSubsystem implements IScalableSubsystem {
  readonly name: string;
  readonly currentBackpressureState = 'normal';
  readonly scalingDefaults = { floor: 1, costCores: 0.25 };
  readonly moods: readonly ('up' | 'down' | 'stay')[];
  clients = 0;
  ceiling = 4;
  law = 4;
  turn = 0;

  constructor(name: string, moods: readonly ('up' | 'down' | 'stay')[]) {
    this.name = name;
    this.moods = moods;
  }

  get limit(): number {
    return Math.max(1, Math.min(this.ceiling, this.law));
  }

  get currentLimits(): ScalingLimits {
    return { ...DEFAULT_SCALING_LIMITS, maxConcurrentOperations: this.limit };
  }

  getScalingMetrics(): ScalingMetrics {
    const inUse = Math.min(this.clients, this.limit);
    return { demand: this.clients, inUse, 'queue.depth': this.clients - inUse, 'backpressure.state': 0 } as unknown as ScalingMetrics;
  }

  async reconfigureLimits({ maxConcurrentOperations }: ScalingLimits): Promise<void> {
    this.ceiling = maxConcurrentOperations;
  }

  /** One step of the law, inside of what the governor allows. */
  move(): void {
    const mood = this.moods[this.turn % this.moods.length] ?? 'stay';
    this.turn += 1;
    if (mood === 'up') this.law = Math.min(this.ceiling, this.limit + 1);
    if (mood === 'down') this.law = Math.max(1, this.limit - 1);
  }
}

describe('the governor and the law of a subsystem', () => {
  const moods = fc.array(fc.constantFrom('up' as const, 'down' as const, 'stay' as const), { minLength: 1, maxLength: 12 });
  const clients = fc.tuple(fc.nat(60), fc.nat(60), fc.nat(60));

  it('do not fight: however the law moves below its ceiling, constant demand leaves every ceiling where it is', async () => {
    await fc.assert(
      fc.asyncProperty(clients, fc.tuple(moods, moods, moods), async (wanted, lawMoods) => {
        const subsystems = NAMES.map((name, index) => new LawfulSubsystem(name, lawMoods[index] ?? ['stay']));
        for (const [index, one] of subsystems.entries()) one.clients = wanted[index] ?? 0;
        const loop = new Governed<LawfulSubsystem>(subsystems);
        await loop.periods(2);
        const resting = loop.ceilings;
        const changes = loop.bus.of('reconfigure').length;
        for (let turn = 0; turn < 24; turn += 1) {
          for (const one of subsystems) one.move();
          await loop.periods(10);
          expect(loop.ceilings).toEqual(resting);
          for (const one of subsystems) expect(one.limit).toBeLessThanOrEqual(one.ceiling);
        }
        expect(loop.bus.of('reconfigure')).toHaveLength(changes);
      }),
      { numRuns: 30 },
    );
  });

  it('leave the law free to come back: a law that has gone down finds its whole ceiling when it goes up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 30 }), fc.integer({ min: 1, max: 30 }), async (wanted, downs) => {
        const one = new LawfulSubsystem('compute.wasm', [...Array<'down'>(downs).fill('down'), ...Array<'up'>(60).fill('up')]);
        one.clients = wanted;
        const loop = new Governed<LawfulSubsystem>([one]);
        await loop.periods(2);
        one.law = one.ceiling;
        for (let turn = 0; turn < downs + 40; turn += 1) {
          one.move();
          await loop.periods(10);
        }
        expect(one.limit).toBe(Math.min(wanted, 32));
      }),
      { numRuns: 20 },
    );
  });
});
