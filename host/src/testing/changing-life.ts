import { getEventListeners } from 'node:events';
import { isKind, type PluginContext, type Reconfiguration, type Reconfigure } from '@bellows/sdk';
import type { FakeClock } from '@bellows/sdk/testing';
import type { ReloadReport } from '../reload/reload-report.js';
import { explained } from './explained.js';
import type { LaunchedHost } from './launch-test-host.js';
import type { LiveChange } from './live-changes.js';
import type { PluginUnderCheck } from './plugin-under-check.js';
import { endsWithin, withRunningTime } from './running-time.js';
import { afterTurns } from './turns.js';

/** What stands still while nobody calls and no time passes. Measurements of the machine, such as memory, do not. */
const STILL_METRICS = ['demand', 'inUse', 'queue.depth', 'rejected.total', 'completed.total', 'failed.total', 'backpressure.state'];

/** How a change came out: `refused` and `invalid` changed nothing, for `restarted` the plugin was not asked. */
export interface ChangeOutcome {
  readonly how: 'taken' | 'unchanged' | 'restarted' | 'refused' | 'invalid' | 'late' | 'failed';
  /** For people. */
  readonly message: string;
}

/** What can be seen of a plugin from outside, by what it is called in a message. */
export type Appearance = Readonly<Record<string, string>>;

export const PROBE = 'the answer to the probe';

/** One life of a plugin whose configuration changes while it runs. */
export class ChangingLife implements AsyncDisposable {
  readonly #subject: PluginUnderCheck;
  readonly #seen: SeenContext;
  readonly host: LaunchedHost<FakeClock>;

  private constructor(host: LaunchedHost<FakeClock>, seen: SeenContext, subject: PluginUnderCheck) {
    this.host = host;
    this.#seen = seen;
    this.#subject = subject;
  }

  static async begin(subject: PluginUnderCheck): Promise<ChangingLife> {
    const seen: SeenContext = {};
    const host = await subject.start({
      onContext: (ctx) => void (seen.ctx = ctx),
      onReconfigure(apply) {
        seen.apply = apply;
        return async (change) => {
          await seen.beforeChange?.();
          return apply(change);
        };
      },
    });
    return new ChangingLife(host, seen, subject);
  }

  /** Whether it takes changes over at all; any other is restarted for them. */
  get takesChanges(): boolean {
    return this.#seen.apply !== undefined;
  }

  /** Has the host take another configuration over, by its own rules. `before` runs when the plugin is about to be asked. Never rejects. */
  async change({ given }: LiveChange, before?: () => Promise<void>): Promise<ChangeOutcome> {
    this.#seen.beforeChange = async () => {
      this.#seen.beforeChange = undefined;
      await before?.();
    };
    return outcomeOf(await this.#subject.reload(this.host, given), this.#subject.id);
  }

  /** Asks it as the host does, and tells it to end some turns later. The host itself then gives what it had again: so must the caller. */
  async interrupt({ config, changed }: LiveChange, turns: number): Promise<ChangeOutcome> {
    const abort = new AbortController();
    const asking = this.#ask({ config, changed, previous: this.#seen.ctx?.config, signal: abort.signal });
    void afterTurns(turns).then(() => abort.abort());
    return asking;
  }

  /** Gives it again what it had before {@link interrupt}. */
  takeBack({ config, changed }: LiveChange): Promise<ChangeOutcome> {
    return this.#ask({ config: this.#seen.ctx?.config, changed, previous: config, signal: new AbortController().signal });
  }

  async #ask(change: Reconfiguration): Promise<ChangeOutcome> {
    const apply = this.#seen.apply as Reconfigure;
    let outcome: ChangeOutcome = { how: 'late', message: 'its handler did not end' };
    const asking = (async () => apply(change))().then(
      () => void (outcome = { how: 'taken', message: 'taken over' }),
      (error: unknown) => void (outcome = { how: isKind(error, 'refused') ? 'refused' : 'failed', message: explained(error) }),
    );
    await withRunningTime(this.host.clock, () => endsWithin(this.#subject.activateTimeoutMs, asking));
    return outcome;
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
    const probe = options.probe === undefined ? [] : [[PROBE, await this.#probe(options.probe)] as const];
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
      ['the listeners on ctx.signal', listenersOf(this.#seen.ctx)],
      ...subsystems,
      ...probe,
    ] as const;
    return Object.fromEntries(seen.map(([what, value]) => [what, JSON.stringify(value)]));
  }

  async #probe({ operation, input }: { readonly operation: string; readonly input: unknown }): Promise<unknown> {
    return this.host.wired.operations.call(operation, input).catch((error: unknown) => {
      throw new Error(`the probe ${operation} has no answer that could be compared: ${explained(error)}`, { cause: error });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
  }
}

/** Of the life that began last: a host may have started it again. */
interface SeenContext {
  ctx?: PluginContext;
  apply?: Reconfigure;
  beforeChange?: (() => Promise<void>) | undefined;
}

function outcomeOf({ outcome, message, plugins, problems, changes }: ReloadReport, id: string): ChangeOutcome {
  if (outcome === 'invalid') return { how: 'invalid', message: problems.map((problem) => problem.message).join('; ') };
  const own = plugins.find(({ plugin }) => plugin === id);
  if (own?.outcome === 'unchanged') return { how: 'unchanged', message };
  if (own?.outcome === 'applied' && own.action === 'live') return { how: 'taken', message };
  if (own?.outcome === 'applied') return { how: 'restarted', message: `${restarting(changes).join(', ')} is not marked as live` };
  const why = own?.message ?? message;
  if (own?.outcome === 'refused') return { how: 'refused', message: why };
  return { how: own?.code === 'PLUGIN_TIMEOUT' ? 'late' : 'failed', message: why };
}

function restarting(changes: ReloadReport['changes']): readonly string[] {
  return changes.flatMap(({ path, effect }) => (effect === 'plugin-restart' ? [path] : []));
}

function listenersOf(ctx: PluginContext | undefined): number {
  return ctx === undefined ? 0 : getEventListeners(ctx.signal, 'abort').length;
}

/** The first thing that is not as it was, in words; undefined when all is. */
export function differenceOf(before: Appearance, after: Appearance): string | undefined {
  const what = [...new Set([...Object.keys(before), ...Object.keys(after)])].find((key) => before[key] !== after[key]);
  return what === undefined ? undefined : `${what} was ${before[what]} and is ${after[what]}`;
}
