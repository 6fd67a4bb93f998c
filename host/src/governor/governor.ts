import {
  type IClock,
  type IEventBus,
  type ILogger,
  type IMachine,
  type IScalableSubsystem,
  isKind,
  messageOf,
  RefusedError,
  type ScalingDecision,
  type ScalingLimits,
} from '@bellows/sdk';
import { DEFAULT_SUBSYSTEM_POLICY, type HostConfig, type SubsystemPolicy } from '../config-schema.js';
import { within } from '../teardown.js';
import { type Arbitration, type ArbitrationInput, arbitrate } from './arbitrate.js';
import { DecisionRing } from './decision-ring.js';
import { DemandWindow } from './demand-window.js';
import type { SubsystemEntry, SubsystemRegistry } from './subsystem-registry.js';

interface GovernorOptions {
  readonly registry: SubsystemRegistry;
  readonly machine: IMachine;
  readonly bus: IEventBus;
  readonly clock: IClock;
  readonly logger: ILogger;
  readonly config: HostConfig['governor'];
}

/** What the governor remembers of one subsystem between two periods. */
interface Account {
  /** A plugin that was started again brings a new one, to which nothing was given yet. */
  readonly subsystem: IScalableSubsystem;
  readonly window: DemandWindow;
  ceiling: number;
  revision: number;
  last: ScalingDecision | undefined;
  /** A `reconfigureLimits` that has not answered yet; no second one is sent meanwhile. */
  pending: boolean;
}

/** Taking a limit is setting numbers; five seconds are a fault, not slowness. */
const RECONFIGURE_TIMEOUT_MS = 5_000;

/**
 * The arbiter of one budget: every period it reads what subsystems want, decides (`arbitrate`), and sets their ceilings
 * through `reconfigureLimits`. An accepted change is reported as `reconfigure`, every decision as `decision`.
 */
export class Governor {
  readonly #options: GovernorOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #ring = new DecisionRing();
  #decisionCount = 0;

  constructor(options: GovernorOptions) {
    this.#options = options;
  }

  /** Decides every `periodMs` until the answer is called. */
  start(): () => void {
    return this.#options.clock.setRepeating(this.#options.config.periodMs, () => void this.decide());
  }

  /** One round. Resolves when every subsystem has answered; never rejects. */
  async decide(): Promise<void> {
    const { registry, machine, config, clock } = this.#options;
    const entries = registry.entries().filter((entry) => entry.metrics !== undefined);
    this.#forgetMissing(entries);
    const nowMs = clock.monotonicMs();
    const inputs = entries.map((entry) => this.#inputFor(entry, nowMs));
    const decided = arbitrate(machine.latest, inputs, config);
    await Promise.all(entries.map((entry, index) => this.#act(entry, decided[index] as Arbitration)));
  }

  decisions(filter: { readonly subsystem?: string; readonly limit: number }): readonly ScalingDecision[] {
    return this.#ring.list(filter);
  }

  /** The ceiling given to a subsystem, and why. */
  account(name: string): { readonly ceiling: number; readonly last: ScalingDecision | undefined } | undefined {
    return this.#accounts.get(name);
  }

  #inputFor({ subsystem, metrics, initialLimits }: SubsystemEntry, nowMs: number): ArbitrationInput {
    const policy = policyOf(this.#options.config, subsystem.name);
    const { scalingDefaults } = subsystem;
    const demand = Math.max(0, Math.ceil(metrics?.demand ?? 0));
    const account = this.#accountOf(subsystem, initialLimits.maxConcurrentOperations);
    return {
      name: subsystem.name,
      demand,
      windowDemand: account.window.update(nowMs, demand),
      ceilingNow: account.ceiling,
      weight: policy.weight,
      floor: policy.floor ?? scalingDefaults?.floor ?? Math.max(1, Math.floor(this.#options.machine.latest.cores / 2)),
      ceiling: policy.ceiling ?? Number.POSITIVE_INFINITY,
      costCores: policy.costCores ?? scalingDefaults?.costCores ?? 1,
      criticality: policy.criticality,
    };
  }

  async #act(entry: SubsystemEntry, arbitration: Arbitration): Promise<void> {
    const account = this.#accountOf(entry.subsystem, arbitration.from);
    if (account.pending) return;
    if (arbitration.to === arbitration.from && account.last !== undefined) {
      // Only a new reason is worth a line: a host that rests would fill the ring with nothing.
      if (account.last.limitedBy !== arbitration.limitedBy) this.#record(account, arbitration, { outcome: 'none' });
      return;
    }
    account.pending = true;
    const from = { ...entry.initialLimits, maxConcurrentOperations: arbitration.from };
    const to = { ...entry.initialLimits, maxConcurrentOperations: arbitration.to };
    try {
      await this.#reconfigure(entry, to);
      account.ceiling = arbitration.to;
      account.revision += 1;
      const decision = this.#record(account, arbitration, { outcome: 'applied' });
      const { reason } = arbitration;
      this.#options.bus.publish({
        topic: 'reconfigure',
        payload: {
          subsystem: arbitration.subsystem,
          from,
          to,
          revision: account.revision,
          decisionId: decision.id,
          reason,
        },
      });
    } catch (error) {
      const message = messageOf(error);
      const { last } = account;
      // It is tried again every period; saying so every time would fill ring and log.
      if (last?.outcome === 'refused' && last.to === arbitration.to && last.error === message) return;
      this.#record(account, arbitration, { outcome: 'refused', error: message });
      if (!isKind(error, 'refused')) {
        this.#options.logger.error(`${arbitration.subsystem} failed to take its limits: ${message}`, {
          error,
          plugin: entry.plugin,
        });
      }
    } finally {
      account.pending = false;
    }
  }

  /** One that does not answer must not keep its ceiling for ever: it is given up and asked again in the next period. */
  async #reconfigure({ subsystem }: SubsystemEntry, to: ScalingLimits): Promise<void> {
    const abort = new AbortController();
    const answered = subsystem.reconfigureLimits(to, abort.signal).then(() => true);
    if (await within(this.#options.clock, RECONFIGURE_TIMEOUT_MS, answered)) return;
    const late = new RefusedError('RECONFIGURE_TIMEOUT', `${subsystem.name} did not answer within ${RECONFIGURE_TIMEOUT_MS} ms`);
    abort.abort(late);
    throw late;
  }

  #record(account: Account, arbitration: Arbitration, result: Pick<ScalingDecision, 'outcome' | 'error'>): ScalingDecision {
    this.#decisionCount += 1;
    const decision: ScalingDecision = Object.freeze({
      id: `d${this.#decisionCount}`,
      at: this.#options.clock.now(),
      ...arbitration,
      ...result,
    });
    account.last = decision;
    this.#ring.add(decision);
    this.#options.bus.publish({ topic: 'decision', payload: decision });
    return decision;
  }

  #accountOf(subsystem: IScalableSubsystem, ceiling: number): Account {
    const known = this.#accounts.get(subsystem.name);
    if (known?.subsystem === subsystem) return known;
    const window = new DemandWindow(this.#options.config.downWindowMs);
    const account: Account = { subsystem, window, ceiling, revision: known?.revision ?? 0, last: undefined, pending: false };
    this.#accounts.set(subsystem.name, account);
    return account;
  }

  #forgetMissing(entries: readonly SubsystemEntry[]): void {
    const names = new Set(entries.map((entry) => entry.subsystem.name));
    for (const name of this.#accounts.keys()) if (!names.has(name)) this.#accounts.delete(name);
  }
}

function policyOf(config: HostConfig['governor'], name: string): SubsystemPolicy {
  return (Object.hasOwn(config.subsystems, name) ? config.subsystems[name] : undefined) ?? DEFAULT_SUBSYSTEM_POLICY;
}
