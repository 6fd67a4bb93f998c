import { describe, expect, it } from '@jest/globals';
import { type HarnessConfig, harnessConfigSchema } from '../src/config.js';
import { reconfigure } from '../src/reconfigure.js';
import { jobOf, setUp } from './jobs/fake-coordinator.js';
import { rejection, until } from './running-harness.js';

type Given = Partial<Omit<HarnessConfig, 'scale'>> & { readonly scale?: Partial<HarnessConfig['scale']> };

/** A coordinator as the plugin makes it, and changes of it as a reload of the host makes them. */
async function changing(given: Given = {}) {
  const config = harnessConfigSchema.parse(given);
  const harness = await setUp({ enableScaleManager: true, maxWorkers: 10_000, scaleConfig: config.scale }, given);
  const { coordinator, commands, clock } = harness;
  let previous = config;
  const change = (options: Given, signal = new AbortController().signal) => {
    const next = harnessConfigSchema.parse({ ...previous, ...options, scale: { ...previous.scale, ...options.scale } });
    reconfigure(coordinator, { config: next, previous, changed: Object.keys(options), signal });
    previous = next;
  };
  const begin = async (count: number) => {
    await coordinator.start(
      jobOf(
        'job',
        Array.from({ length: count }, (_, index) => `i${index}`),
      ),
    );
    await harness.agents(1);
  };
  const runningAgents = () => coordinator.getMetrics().activeWorkers;
  return { ...harness, coordinator, commands, clock, change, begin, runningAgents, [Symbol.asyncDispose]: harness[Symbol.asyncDispose] };
}

const ONE = { minWorkers: 1, maxWorkers: 30 } as const;

/** Each option that changes live: what is seen before and after, in one life of the coordinator. */
const EFFECTS: Readonly<Record<string, () => Promise<void>>> = {
  async 'scale.maxWorkers'() {
    await using harness = await changing({ scale: { minWorkers: 1, maxWorkers: 1 } });
    await harness.begin(9);
    expect(harness.coordinator.getMetrics().workers).toMatchObject({ limit: 1, limitedBy: 'configured' });
    harness.change({ scale: { maxWorkers: 2 } });
    expect(harness.runningAgents()).toBe(2);
    harness.change({ scale: { maxWorkers: 1 } });
    // who is busy finishes first
    expect(harness.coordinator.getMetrics()).toMatchObject({ activeWorkers: 2, workers: { limit: 1 } });
    await harness.agents(2);
    for (const agent of [...harness.commands.agents]) agent.exit();
    await harness.agents(3);
    expect(harness.runningAgents()).toBe(1);
  },
  async 'scale.maxQueueDepth'() {
    await using harness = await changing({ scale: { ...ONE, maxQueueDepth: 10 } });
    const { coordinator } = harness;
    await coordinator.scaleManager.reconfigureLimits({ ...coordinator.scaleManager.currentLimits });
    await harness.begin(9);
    const more = (id: string) => coordinator.start(jobOf(id, ['a', 'b', 'c', 'd']));
    expect(await rejection(more('more'))).toMatchObject({ code: 'CAPACITY', message: expect.stringContaining('maxQueueDepth 10') });
    harness.change({ scale: { maxQueueDepth: 20 } });
    await more('more');
    harness.change({ scale: { maxQueueDepth: 5 } });
    expect(await rejection(more('again'))).toMatchObject({ code: 'CAPACITY', message: expect.stringContaining('maxQueueDepth 5') });
    expect(coordinator.get('more').status).toBe('running');
    expect(coordinator.scaleManager.currentBackpressureState).toBe('shedding');
  },
  async 'scale.targetQueueDepth'() {
    await using harness = await changing({ scale: ONE });
    await harness.begin(21);
    const before = harness.runningAgents();
    harness.change({ scale: { targetQueueDepth: 3 } });
    expect(harness.runningAgents()).toBe(before);
    await harness.clock.advance(60_000);
    expect(harness.runningAgents()).toBe(before + Math.ceil((21 - before) / 3));
  },
  async 'scale.scaleUpThreshold'() {
    await using harness = await changing({ scale: { ...ONE, scaleUpThreshold: 1_000 } });
    await harness.begin(9);
    expect(harness.runningAgents()).toBe(1);
    harness.change({ scale: { scaleUpThreshold: 2 } });
    expect(harness.runningAgents()).toBe(2);
  },
  async 'scale.scaleDownThreshold'() {
    await using harness = await changing({ scale: { ...ONE, scaleDownThreshold: 0, scaleCooldownMs: 0 } });
    await harness.begin(4);
    await harness.agents(2);
    await until(() => {
      for (const agent of [...harness.commands.agents]) agent.exit();
      return harness.coordinator.get('job').status === 'completed';
    });
    const { currentWorkers } = harness.coordinator.getMetrics();
    expect(currentWorkers).toBeGreaterThan(1);
    harness.change({ scale: { scaleDownThreshold: 0.5 } });
    await harness.clock.advance(30_000);
    expect(harness.coordinator.getMetrics().currentWorkers).toBeLessThan(currentWorkers);
  },
  async 'scale.scaleCooldownMs'() {
    await using harness = await changing({ scale: { ...ONE, scaleCooldownMs: 86_400_000 } });
    await harness.begin(21);
    const before = harness.runningAgents();
    await harness.clock.advance(60_000);
    expect(harness.runningAgents()).toBe(before);
    harness.change({ scale: { scaleCooldownMs: 0 } });
    expect(harness.runningAgents()).toBeGreaterThan(before);
  },
  async 'scale.maxSessionsPerWorker'() {
    await using harness = await changing({ scale: ONE });
    await harness.begin(1);
    expect(harness.coordinator.scaleManager.hasExceededQuota('worker-1')).toBe(false);
    harness.change({ scale: { maxSessionsPerWorker: 1 } });
    expect(harness.coordinator.scaleManager.hasExceededQuota('worker-1')).toBe(true);
  },
  async maxAttempts() {
    await using harness = await changing();
    await harness.begin(1);
    harness.change({ maxAttempts: 1 });
    harness.commands.agentOf('i0').exit(1);
    await until(() => harness.coordinator.get('job').status === 'failed');
    expect(harness.coordinator.get('job').failed).toMatchObject([{ issue: 'i0', attempts: 1 }]);
  },
  async sessionTimeoutMs() {
    await using harness = await changing({ maxAttempts: 1, scale: ONE });
    await harness.begin(2);
    harness.change({ sessionTimeoutMs: 1_000 });
    await harness.clock.advance(1_000);
    // it goes on with the time it began with
    expect(harness.commands.agentOf('i0').causes).toEqual([]);
    harness.commands.agentOf('i0').exit();
    await harness.agents(2);
    await until(async () => {
      await harness.clock.advance(1_000);
      return harness.commands.agentOf('i1').causes.includes('timed_out');
    });
    expect((await harness.coordinator.wait('job')).failed).toMatchObject([{ issue: 'i1', reason: 'timed_out' }]);
  },
  async verifyTimeoutMs() {
    await using harness = await changing({ maxAttempts: 1 });
    harness.commands.verificationsWait = true;
    await harness.begin(1);
    harness.change({ verifyTimeoutMs: 500 });
    harness.commands.agentOf('i0').exit();
    await until(() => harness.commands.verifications.length === 1);
    await until(async () => {
      await harness.clock.advance(500);
      return harness.commands.verifications[0]?.causes.includes('timed_out') === true;
    });
    expect((await harness.coordinator.wait('job')).issues[0]?.message).toMatch(/did not end within 500 ms/);
  },
  async maxConcurrentVerifications() {
    await using harness = await changing({ maxConcurrentVerifications: 1 });
    harness.commands.verificationsWait = true;
    await harness.begin(3);
    await harness.agents(3);
    for (const agent of harness.commands.agents) agent.exit();
    await until(() => harness.commands.verifications.length === 1);
    harness.change({ maxConcurrentVerifications: 3 });
    await until(() => harness.commands.verifications.length === 3);
  },
  async retentionMs() {
    await using harness = await changing({ retentionMs: null });
    await harness.begin(1);
    harness.commands.agentOf('i0').exit();
    await harness.coordinator.wait('job');
    await harness.clock.advance(10_000);
    harness.change({ retentionMs: 1_000 });
    expect(harness.coordinator.list({ limit: 10, cursor: null }).items).toEqual([]);
  },
};

describe('an option that a reload changes live', () => {
  it('has its effect tried here, each of them and no other', () => {
    expect(Object.keys(EFFECTS).sort()).toEqual([...liveOptions(harnessConfigSchema.toJSONSchema({ io: 'input' }))].sort());
  });

  it.each(Object.entries(EFFECTS))('%s takes effect while agents work', async (_name, tried) => tried());

  it('is refused with the others of the same change where numbers contradict each other: nothing is another then', async () => {
    await using harness = await changing({ maxAttempts: 1, scale: { minWorkers: 2, maxWorkers: 4 } });
    await harness.begin(2);
    const before = [harness.coordinator.getMetrics(), harness.coordinator.scaleManager.currentLimits];
    const refused = await rejection((async () => harness.change({ maxAttempts: 9, retentionMs: 0, scale: { maxWorkers: 1 } }))());
    expect(refused).toMatchObject({ kind: 'refused', code: 'SCALE_CHANGE_REFUSED', phase: 'reconfigure' });
    expect(refused.message).toMatch(/minWorkers 2 is above maxWorkers 1/);
    expect([harness.coordinator.getMetrics(), harness.coordinator.scaleManager.currentLimits]).toEqual(before);
    await harness.agents(2);
    for (const agent of harness.commands.agents) agent.exit(1);
    expect((await harness.coordinator.wait('job')).failed).toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
  });

  it('keeps its value when the time for the change is over', async () => {
    await using harness = await changing({ scale: ONE });
    const aborted = AbortSignal.abort(new Error('too late'));
    await expect((async () => harness.change({ scale: { maxWorkers: 1 } }, aborted))()).rejects.toThrow('too late');
    expect(harness.coordinator.scaleManager.getScalingMetrics()).toMatchObject({ demand: 0 });
    await harness.begin(9);
    expect(harness.runningAgents()).toBe(2);
  });

  it('is not asked of a coordinator that stops', async () => {
    await using harness = await changing();
    await harness.coordinator.stop();
    expect((await rejection((async () => harness.change({ maxAttempts: 1 }))())).code).toBe('HARNESS_STOPPING');
  });
});

interface Described {
  readonly change?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
}

function liveOptions({ properties = {} }: Described, prefix = ''): readonly string[] {
  return Object.entries(properties as Record<string, Described>).flatMap(([name, option]) => [
    ...(option.change === 'live' ? [`${prefix}${name}`] : []),
    ...liveOptions(option, `${prefix}${name}.`),
  ]);
}
