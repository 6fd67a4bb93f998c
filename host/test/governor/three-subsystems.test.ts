import { PluginError } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { FakeSubsystem, Governed, type GovernedOptions } from './governed.js';

/** As the three plugins come: what one operation costs a core of each. 4 cores × overcommit 2 make a budget of 8. */
function three(options: GovernedOptions = {}) {
  const compute = new FakeSubsystem('compute.wasm', { floor: 1, costCores: 1 });
  const workflow = new FakeSubsystem('workflow.pipeline', { floor: 1, costCores: 0.1 });
  const harness = new FakeSubsystem('harness.scale', { floor: 2, costCores: 0.25 });
  return { compute, workflow, harness, governed: new Governed([compute, workflow, harness], options) };
}

describe('a governor of three subsystems', () => {
  it('shares the cores by weight between those that want more, and keeps the floor of the one that rests', async () => {
    const { compute, harness, governed } = three({ policies: { 'compute.wasm': { weight: 2 } } });
    compute.demand = 100;
    harness.demand = 100;
    await governed.periods(2);
    // 8 cores less the floor of workflow: 5 for weight 2, and 2.75 for weight 1, where a quarter more would have been unfair to nobody
    expect(governed.ceilings).toEqual([5, 1, 11]);
    expect(governed.last('compute.wasm')).toMatchObject({
      limitedBy: 'share',
      reason: expect.stringMatching(/100 wanted, 5 given: its share of a budget of 8 .* weight 2/),
    });
    expect(governed.last('workflow.pipeline')).toMatchObject({ limitedBy: 'floor', reason: expect.stringContaining('0 wanted, 1 given') });
    expect(governed.last('harness.scale')).toMatchObject({ limitedBy: 'share', inputs: { costCores: 0.25, weight: 1, budgetCores: 8 } });
  });

  it('lends what one does not use, and gives it back in the period in which its owner wants it', async () => {
    const { compute, harness, governed } = three();
    compute.demand = 100;
    await governed.periods(2);
    expect(governed.ceilings).toEqual([7, 1, 2]);
    harness.demand = 100;
    await governed.periods(1);
    expect(governed.ceilings).toEqual([4, 1, 15]);
    harness.demand = 0;
    compute.demand = 4;
    await governed.periods(1);
    // nobody needs it: harness keeps for the window what it had
    expect(governed.ceilings).toEqual([4, 1, 15]);
    expect(governed.last('harness.scale')).toMatchObject({ limitedBy: 'stabilization', to: 15 });
    compute.demand = 100;
    await governed.periods(1);
    // the third of harness is what is left of the cores when no whole operation of compute fits any more
    expect(governed.ceilings).toEqual([7, 1, 3]);
  });

  it('never passes a ceiling of the operator, and lends on what that leaves over', async () => {
    const { compute, workflow, harness, governed } = three({
      policies: { 'compute.wasm': { ceiling: 2 }, 'harness.scale': { ceiling: 4 } },
    });
    for (const one of [compute, workflow, harness]) one.demand = 1_000;
    await governed.periods(2);
    expect(governed.ceilings).toEqual([2, 50, 4]);
    expect(governed.last('compute.wasm')).toMatchObject({
      limitedBy: 'ceiling',
      reason: expect.stringContaining('governor.subsystems.compute.wasm.ceiling'),
    });
    expect(governed.last('workflow.pipeline')).toMatchObject({ limitedBy: 'share' });
  });

  it('keeps every floor where the floors alone are more than the machine has', async () => {
    const floors = { 'compute.wasm': { floor: 3 }, 'workflow.pipeline': { floor: 20 }, 'harness.scale': { floor: 8 } };
    const { compute, workflow, harness, governed } = three({ cores: 1, overcommit: 1, policies: floors });
    for (const one of [compute, workflow, harness]) one.demand = 1_000;
    await governed.periods(5);
    expect(governed.ceilings).toEqual([3, 20, 8]);
  });

  it('lets a limit fall before another one rises', async () => {
    const { compute, harness, governed } = three();
    compute.demand = 100;
    await governed.periods(2);
    harness.demand = 100;
    await governed.periods(1);
    const order = governed.bus.of('reconfigure').map(({ payload }) => payload.subsystem);
    expect(order.slice(-2)).toEqual(['compute.wasm', 'harness.scale']);
  });

  it('gives nobody what a subsystem holds and refuses to give back, says whose it is, and goes on when it agrees', async () => {
    const { compute, workflow, harness, governed } = three();
    compute.demand = 100;
    await governed.periods(2);
    compute.answers = 'refuses falls';
    harness.demand = 100;
    workflow.demand = 5;
    await governed.periods(1);
    // compute holds 7 of 8 cores: what is left is for the floors and as much as still fits
    expect(governed.ceilings).toEqual([7, 5, 2]);
    expect(governed.last('compute.wasm')).toMatchObject({ outcome: 'refused', from: 7, to: 4, error: 'not now' });
    expect(governed.last('harness.scale')).toMatchObject({
      limitedBy: 'share',
      reason: expect.stringContaining('compute.wasm did not give back what it holds'),
      inputs: { keptCores: 7 },
    });
    const before = governed.governor.decisions({ limit: 1_000 }).length;
    await governed.periods(60);
    expect(governed.governor.decisions({ limit: 1_000 })).toHaveLength(before);
    compute.answers = 'takes';
    await governed.periods(1);
    expect(governed.ceilings).toEqual([4, 5, 14]);
  });

  it('counts of what is held only what there is use for', async () => {
    const { compute, harness, governed } = three({ downWindowMs: 0 });
    compute.demand = 7;
    await governed.periods(2);
    compute.answers = 'refuses';
    compute.demand = 2;
    harness.demand = 100;
    await governed.periods(1);
    expect(governed.ceilings).toEqual([7, 1, 23]);
    // its use of it comes back in the period in which it shows
    compute.demand = 7;
    await governed.periods(1);
    expect(governed.ceilings).toEqual([7, 1, 3]);
  });

  it('waits for no subsystem that does not answer: the others go on with what is surely free', async () => {
    const { compute, workflow, harness, governed } = three();
    compute.demand = 100;
    await governed.periods(2);
    compute.answers = 'never';
    harness.demand = 100;
    workflow.demand = 3;
    await governed.periods(2);
    expect(governed.ceilings).toEqual([7, 3, 2]);
    compute.answers = 'takes';
    await governed.periods(6);
    expect(governed.ceilings).toEqual([4, 3, 14]);
  });

  it('forgets what one held that has left', async () => {
    const compute = new FakeSubsystem('compute.wasm', { ceiling: 8 });
    const harness = new FakeSubsystem('harness.scale', { costCores: 0.25 });
    const governed = new Governed<FakeSubsystem>([harness]);
    const registration = governed.registry.register('compute', compute);
    compute.demand = 8;
    harness.demand = 100;
    compute.answers = 'refuses falls';
    await governed.periods(3);
    expect(governed.ceilings).toEqual([2]);
    registration[Symbol.dispose]();
    await governed.periods(1);
    expect(governed.ceilings).toEqual([32]);
  });
});

describe('the policy in force', () => {
  it('takes the word of the operator before that of the subsystem, and that before what the host assumes', () => {
    const { governed } = three({ policies: { 'compute.wasm': { weight: 3, costCores: 2 }, 'harness.scale': { floor: 4, ceiling: 9 } } });
    const { governor } = governed;
    expect(governor.policyOf('compute.wasm')).toEqual({
      weight: 3,
      floor: 1,
      ceiling: null,
      costCores: 2,
      criticality: 'degraded',
      origins: { weight: 'operator', floor: 'subsystem', costCores: 'operator' },
    });
    expect(governor.policyOf('harness.scale')).toMatchObject({
      floor: 4,
      ceiling: 9,
      costCores: 0.25,
      origins: { weight: 'host', floor: 'operator', costCores: 'subsystem' },
    });
    governed.registry.register('plain', new FakeSubsystem('plain.pool'));
    expect(governor.policyOf('plain.pool')).toMatchObject({
      weight: 1,
      floor: 2,
      costCores: 1,
      origins: { weight: 'host', floor: 'host', costCores: 'host' },
    });
    expect(governor.policyOf('nobody.here')).toBeUndefined();
  });

  it('refuses a subsystem whose own words are nothing to compute with, and reads them once', async () => {
    const { governed } = three();
    for (const [defaults, said] of [
      [{ floor: 0 }, /x\.pool are not usable: floor must be a whole number of at least 1, it is 0.*author of x/],
      [{ floor: 1.5, costCores: -1 }, /floor .*1\.5; costCores must be a finite number above 0, it is -1/],
      [{ costCores: Number.NaN }, /it is NaN/],
      [{ costCores: Number.POSITIVE_INFINITY }, /it is Infinity/],
    ] as const) {
      const register = () => governed.registry.register('x', new FakeSubsystem('x.pool', defaults));
      expect(register).toThrow(PluginError);
      expect(register).toThrow(expect.objectContaining({ code: 'SUBSYSTEM_DEFAULTS_INVALID', message: expect.stringMatching(said) }));
    }
    const wavering = new FakeSubsystem('x.pool', { costCores: 0.5 });
    governed.registry.register('x', wavering);
    Object.defineProperty(wavering, 'scalingDefaults', { value: { costCores: Number.NaN } });
    wavering.demand = 4;
    await governed.periods(2);
    expect(governed.governor.policyOf('x.pool')).toMatchObject({ costCores: 0.5 });
    expect(wavering.ceiling).toBe(4);
  });
});
