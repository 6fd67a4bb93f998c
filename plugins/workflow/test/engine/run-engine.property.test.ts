import type { StageCall } from '@bellows/sdk/workflow';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rollbackWaves } from '../../src/engine/rollback-waves.js';
import { ENDED_STATUSES, type FlowEvent } from '../../src/store/flow-records.js';
import { EngineHost, type EngineHostOptions } from './engine-host.js';

const ID = 'r';
const MAX_ATTEMPTS = 3;
const RETRY = { maxAttempts: MAX_ATTEMPTS, initialMs: 50, factor: 2, maxMs: 100 };

interface StagePlan {
  readonly kind: 'run' | 'timer' | 'signal' | 'workflow';
  /** Which earlier stages it depends on, as bits. */
  readonly needs: number;
  /** So many attempts fail; 3 are all. */
  readonly failures: number;
  readonly delayMs: number;
  /** Attempts of the compensation that fail; null: it has none. */
  readonly undoFailures: number | null;
}

interface Scenario {
  readonly plans: readonly StagePlan[];
  /** Commits after which each process is killed; after the last one nothing is. */
  readonly crashes: readonly number[];
  readonly cancelAfterMs: number | null;
  readonly maxResting: number;
  readonly maxMemoryBytes: number;
  readonly slots: number;
}

const plan: fc.Arbitrary<StagePlan> = fc.record({
  kind: fc.constantFrom('run', 'run', 'run', 'run', 'timer', 'signal', 'workflow'),
  needs: fc.nat(255),
  failures: fc.constantFrom(0, 0, 0, 0, 1, 2, 3),
  delayMs: fc.constantFrom(0, 0, 0, 1, 30, 200),
  undoFailures: fc.constantFrom(null, 0, 0, 1, 3),
});

const scenario: fc.Arbitrary<Scenario> = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 8 }),
  crashes: fc.array(fc.nat(12), { maxLength: 4 }),
  cancelAfterMs: fc.option(fc.nat(300), { freq: 4 }),
  maxResting: fc.constantFrom(0, 1, 2_000),
  maxMemoryBytes: fc.constantFrom(0, 2 ** 30),
  slots: fc.integer({ min: 1, max: 4 }),
});

/** Knows what is durable and looks at it whenever something executes. */
class Witness {
  readonly faults: string[] = [];
  host!: EngineHost;
  readonly #plans: readonly StagePlan[];

  constructor(plans: readonly StagePlan[]) {
    this.#plans = plans;
  }

  get has(): (type: string, stage: number) => boolean {
    const recorded = new Set(this.host.types(ID));
    return (type, stage) => recorded.has(stage < 0 ? type : `${type} ${stage}`);
  }

  readonly forward = (input: unknown, { attempt }: StageCall): unknown => {
    const stage = Number(input);
    const { has } = this;
    const { stages } = this.host.pipelineOf('flow', 1);
    if (has('stage.completed', stage)) this.faults.push(`stage ${stage} executes again`);
    if (has('rollback.started', -1)) this.faults.push(`stage ${stage} executes in the rollback`);
    for (const needed of stages[stage]!.dependsOn) {
      if (!has('stage.completed', needed)) this.faults.push(`stage ${stage} executes before ${needed} is durable`);
    }
    const { failures, delayMs } = this.#plans[stage]!;
    return this.#end(delayMs, attempt <= failures, stage);
  };

  readonly backward = (input: unknown, { attempt }: StageCall): unknown => {
    const stage = Number((input as { stage: number }).stage);
    const { has } = this;
    const { stages } = this.host.pipelineOf('flow', 1);
    if (!has('stage.completed', stage)) this.faults.push(`stage ${stage} is compensated and never completed`);
    if (!has('rollback.started', -1)) this.faults.push(`stage ${stage} is compensated before the rollback is durable`);
    if (has('compensation.completed', stage)) this.faults.push(`stage ${stage} is compensated again`);
    for (const dependant of descendants(stages, stage)) {
      const acts = stages[dependant]!.compensation !== null && has('stage.completed', dependant);
      const isOver = has('compensation.completed', dependant) || has('compensation.failed', dependant);
      if (acts && !isOver) this.faults.push(`stage ${stage} is compensated before ${dependant}`);
    }
    if (!isOutputOf(stage, (input as { output: unknown }).output)) this.faults.push(`the compensation of ${stage} saw another output`);
    return this.#end(this.#plans[stage]!.delayMs, attempt <= this.#plans[stage]!.undoFailures!, stage);
  };

  #end(delayMs: number, fails: boolean, stage: number): unknown {
    const end = () => {
      if (fails) throw new Error(`planned, of ${stage}`);
      return { of: stage };
    };
    return delayMs === 0 ? end() : this.host.clock.sleep(delayMs).then(end);
  }
}

function isOutputOf(stage: number, output: unknown): boolean {
  const text = JSON.stringify(output);
  return text === `{"of":${stage}}` || text === 'null' || text === `{"signal":${stage}}`;
}

function descendants(stages: readonly { readonly dependants: readonly number[] }[], stage: number): Set<number> {
  const found = new Set(stages[stage]!.dependants);
  for (const one of found) for (const next of stages[one]!.dependants) found.add(next);
  return found;
}

function define(host: EngineHost, plans: readonly StagePlan[]): void {
  host.define(
    [
      { name: 'pause', timer: 20 },
      { name: 'work', run: 'child', input: '${input}', dependsOn: ['pause'] },
    ],
    { name: 'child' },
  );
  host.define(
    plans.map(({ kind, needs, undoFailures }, index) => ({
      name: `s${index}`,
      dependsOn: plans.flatMap((_, other) => (other < index && (needs >> other) & 1 ? [`s${other}`] : [])),
      ...(kind === 'run' ? { run: 'forward', input: index, retry: RETRY } : {}),
      ...(kind === 'timer' ? { timer: 40 } : {}),
      ...(kind === 'signal' ? { signal: `signal${index}` } : {}),
      ...(kind === 'workflow' ? { workflow: 'child', input: index } : {}),
      ...(undoFailures === null
        ? {}
        : { compensate: { run: 'backward', input: { stage: index, output: `\${stages.s${index}.output}` }, retry: RETRY } }),
    })),
  );
}

/** Signals that nobody has acknowledged yet are sent again, as a caller would. */
async function sendSignals(host: EngineHost, plans: readonly StagePlan[]): Promise<void> {
  for (const [index, { kind }] of plans.entries()) {
    const name = `signal${index}`;
    const isThere = host.events(ID).some(({ type, data }) => type === 'signal.received' && JSON.parse(data!).name === name);
    if (kind === 'signal' && !isThere) void host.engine.signal(ID, name, { signal: index }).catch(() => {});
    await host.clock.advance(1);
  }
}

async function play({
  plans,
  crashes,
  cancelAfterMs,
  maxResting,
  maxMemoryBytes,
  slots,
}: Scenario): Promise<{ witness: Witness; events: readonly FlowEvent[] }> {
  const witness = new Witness(plans);
  const functions = { forward: witness.forward, backward: witness.backward, child: (input: unknown) => ({ of: Number(input) }) };
  const options: EngineHostOptions = { functions, maxResting, maxMemoryBytes, config: { maxConcurrentTransactions: slots } };
  let host = new EngineHost(options);
  define(host, plans);
  const left = [...crashes];
  const begin = async (next: EngineHost) => {
    host = next;
    witness.host = next;
    next.store.crashAfter = left.shift() ?? Number.POSITIVE_INFINITY;
    next.store.onCrash = () => next.kill();
    await next.engine.resume();
    void next.start({ id: ID, input: 1 }).catch(() => {});
    await next.settle(2);
  };
  await begin(host);
  let isCancelled = false;
  for (let step = 0; step < 600; step += 1) {
    if (host.store.isClosed) await begin(host.crash());
    await sendSignals(host, plans);
    if (cancelAfterMs !== null && host.clock.monotonicMs() >= cancelAfterMs && !isCancelled) {
      void host.engine.cancel(ID).then(
        () => {
          isCancelled = true;
        },
        () => {},
      );
    }
    await host.clock.advance(20);
    if (ENDED_STATUSES.has(host.store.findRun(ID)?.status ?? 'queued')) break;
  }
  // also children, and functions that nobody waits for any more
  await host.clock.advance(10_000);
  // one that came in the rollback has nothing to add
  const isKnown = ['run.cancel_requested', 'rollback.started'].some((type) => host.types(ID).includes(type));
  if (isCancelled && !isKnown) witness.faults.push('an acknowledged cancellation was lost');
  return { witness, events: host.events(ID) };
}

/** Whether some stage comes to fail for good when nobody cancels. */
function mustFail(plans: readonly StagePlan[]): boolean {
  const completes: boolean[] = [];
  return plans.some(({ kind, failures, needs }) => {
    const begins = completes.every((done, other) => done || !((needs >> other) & 1));
    const fails = kind === 'run' && failures >= MAX_ATTEMPTS;
    completes.push(begins && !fails);
    return begins && fails;
  });
}

it('every run ends as planned, through crashes: order, once, rollback', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { witness, events } = await play(given);
      const { host } = witness;
      expect(witness.faults).toEqual([]);
      expect(host.store.disk.violations).toEqual([]);
      const view = await host.engine.get(ID);
      const isCancelled = events.some(({ type }) => type === 'run.cancel_requested');
      const failedUndo = view.stages.some(({ compensation }) => compensation?.status === 'failed');
      const acts = view.rollback !== undefined;
      const failed = failedUndo ? 'rollback_failed' : acts ? 'rolled_back' : 'failed';
      expect(view.status).toBe(isCancelled ? 'cancelled' : mustFail(given.plans) ? failed : 'completed');
      const completed = view.stages.map(({ status }) => status === 'completed');
      const pipeline = host.pipelineOf('flow', 1);
      const waves = view.status === 'completed' ? [] : rollbackWaves(pipeline, (stage) => completed[stage]!);
      expect(view.rollback?.waves ?? []).toEqual(waves.map((wave) => wave.map((stage) => `s${stage}`)));
      for (const stage of waves.flat()) expect(['completed', 'failed']).toContain(view.stages[stage]?.compensation?.status);
      expect(host.manager.getScalingMetrics()).toMatchObject({ inUse: 0, 'queue.depth': 0 });
      expect(host.timers.size).toBe(0);
      expect(host.engine.facts).toMatchObject({ live: 0, resting: 0, executing: 0, outputBytes: 0 });
    }),
    { numRuns: 300 },
  );
}, 60_000);
