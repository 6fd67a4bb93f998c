import { getEventListeners } from 'node:events';
import type { PluginContext, Reconfigure } from '@bellows/sdk';
import type { FakeClock } from '@bellows/sdk/testing';
import { explained } from './explained.js';
import type { LaunchedHost } from './launch-test-host.js';
import type { LiveChange } from './live-changes.js';
import type { PluginUnderCheck } from './plugin-under-check.js';
import { endsWithin, withRunningTime } from './running-time.js';

const CHANGE_TIMEOUT_MS = 5_000;

/** What stands still while nobody calls and no time passes. Measurements of the machine, such as memory, do not. */
const STILL_METRICS = ['demand', 'inUse', 'queue.depth', 'rejected.total', 'completed.total', 'failed.total', 'backpressure.state'];

/** How a change came out. Without an error it was taken over. */
export interface ChangeOutcome {
  readonly error?: unknown;
  readonly isLate: boolean;
}

/** What can be seen of a plugin from outside, by what it is called in a message. */
export type Appearance = Readonly<Record<string, string>>;

/** One life of a plugin whose configuration changes while it runs. */
export class ChangingLife implements AsyncDisposable {
  readonly host: LaunchedHost<FakeClock>;
  readonly #subject: PluginUnderCheck;
  readonly #signal: AbortSignal;
  readonly #apply: Reconfigure | undefined;
  #config: unknown;

  private constructor(host: LaunchedHost<FakeClock>, seen: SeenContext, subject: PluginUnderCheck) {
    this.host = host;
    this.#subject = subject;
    this.#signal = seen.ctx.signal;
    this.#apply = seen.apply;
    this.#config = seen.ctx.config;
  }

  static async begin(subject: PluginUnderCheck): Promise<ChangingLife> {
    let ctx: PluginContext | undefined;
    let apply: Reconfigure | undefined;
    const host = await subject.start({ onContext: (given) => (ctx = given), onReconfigure: (given) => (apply = given) });
    return new ChangingLife(host, { ctx: ctx as unknown as PluginContext, apply }, subject);
  }

  /** Whether it takes changes over at all; any other is restarted for them. */
  get takesChanges(): boolean {
    return this.#apply !== undefined;
  }

  /** Asks it to take a configuration over, as the host does. Never rejects. */
  async change({ config, changed }: LiveChange, signal: AbortSignal = new AbortController().signal): Promise<ChangeOutcome> {
    const apply = this.#apply as Reconfigure;
    let error: unknown;
    const applying = (async () => apply({ config, previous: this.#config, changed, signal }))().then(
      () => void (this.#config = config),
      (reason: unknown) => {
        error = reason ?? new Error('nothing');
      },
    );
    const timeoutMs = this.#subject.options.changeTimeoutMs ?? CHANGE_TIMEOUT_MS;
    const isLate = !(await withRunningTime(this.host.clock, endsWithin(timeoutMs, applying)));
    return { isLate, ...(error === undefined ? {} : { error }) };
  }

  async appearance(): Promise<Appearance> {
    const { wired, bus, clock } = this.host;
    const { id, options } = this.#subject;
    await bus.idle();
    const own = wired.registry.entries().filter(({ plugin }) => plugin === id);
    const subsystems = own.flatMap(({ subsystem }) => {
      const metrics = subsystem.getScalingMetrics();
      const still = Object.fromEntries(STILL_METRICS.map((key) => [key, metrics[key]]));
      return [
        [`the limits of ${subsystem.name}`, subsystem.currentLimits],
        [`the backpressure of ${subsystem.name}`, subsystem.currentBackpressureState],
        [`the metrics of ${subsystem.name}`, { ...still, keys: Object.keys(metrics).sort() }],
      ] as const;
    });
    const probe = options.probe === undefined ? [] : [['the answer to the probe', await this.#probe(options.probe)] as const];
    const seen = [
      ['its state', wired.plugins.runner(id)?.status.state],
      ['its operations', wired.operations.list().filter(({ plugin }) => plugin === id)],
      [
        'its subscriptions',
        bus.subscriptions
          .filter(({ owner }) => owner === id)
          .map(({ topic }) => topic)
          .sort(),
      ],
      ['the timers on its clock', clock.pending],
      ['the listeners on ctx.signal', getEventListeners(this.#signal, 'abort').length],
      ...subsystems,
      ...probe,
    ] as const;
    return Object.fromEntries(seen.map(([what, value]) => [what, JSON.stringify(value)]));
  }

  async #probe({ operation, input }: { readonly operation: string; readonly input: unknown }): Promise<unknown> {
    return this.host.wired.operations.call(operation, input).catch(explained);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
  }
}

interface SeenContext {
  readonly ctx: PluginContext;
  readonly apply: Reconfigure | undefined;
}

/** The first thing that is not as it was, in words; undefined when all is. */
export function differenceOf(before: Appearance, after: Appearance): string | undefined {
  const what = [...new Set([...Object.keys(before), ...Object.keys(after)])].find((key) => before[key] !== after[key]);
  return what === undefined ? undefined : `${what} was ${before[what]} and is ${after[what]}`;
}
