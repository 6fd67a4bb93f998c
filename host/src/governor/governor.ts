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
import type { HostConfig } from '../config-schema.js';
import { within } from '../teardown.js';
import { type Arbitration, type ArbitrationInput, arbitrate } from './arbitrate.js';
import { DecisionRing } from './decision-ring.js';
import { DemandWindow } from './demand-window.js';
import { type PolicyInForce, policyInForce } from './subsystem-policy.js';
import { configuredLimitsOf, type SubsystemEntry, type SubsystemRegistry } from './subsystem-registry.js';

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
  /** What it was given last beside that. */
  others: ScalingLimits;
  revision: number;
  last: ScalingDecision | undefined;
  /** What a `reconfigureLimits` that has not answered yet was asked for; no second one is sent meanwhile. */
  askedFor: number | undefined;
  /** It refused to give back what it holds. */
  keeps: boolean;
}

/** One subsystem in one round. */
interface Case {
  readonly entry: SubsystemEntry;
  readonly account: Account;
  readonly windowDemand: number;
}

/** Taking a limit is setting numbers; five seconds are a fault, not slowness. */
const RECONFIGURE_TIMEOUT_MS = 5_000;

/**
 * The arbiter of one budget: every period it reads what subsystems want, decides (`arbitrate`), and sets their ceilings
 * through `reconfigureLimits`. An accepted change is reported as `reconfigure`, every decision as `decision`.
 */
export class Governor {
  readonly #options: GovernorOptions;
  #config: HostConfig['governor'];
  #cancelRounds: (() => void) | undefined;
  readonly #accounts = new Map<string, Account>();
  readonly #ring = new DecisionRing();
  #decisionCount = 0;
  #round = 0;

  constructor(options: GovernorOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** Decides every `periodMs` until the answer is called. */
  start(): () => void {
    this.#cancelRounds = this.#options.clock.setRepeating(this.#config.periodMs, () => void this.decide());
    return () => {
      this.#cancelRounds?.();
      this.#cancelRounds = undefined;
    };
  }

  /** From the next round on. */
  setConfig(config: HostConfig['governor']): void {
    const isRunning = this.#cancelRounds !== undefined;
    const { periodMs } = this.#config;
    this.#config = config;
    for (const { window } of this.#accounts.values()) window.setWindow(config.downWindowMs);
    if (!isRunning || periodMs === config.periodMs) return;
    this.#cancelRounds?.();
    this.start();
  }

  /**
   * One round. Limits fall before others rise, so that what is given away was given back; what a subsystem refuses to give back, or
   * has not answered about, stays its own, and the others share the rest. Resolves when every subsystem has answered, or as soon as a
   * newer round has taken over; never rejects.
   */
  async decide(): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    const entries = this.#options.registry.entries().filter((entry) => entry.metrics !== undefined);
    this.#forgetMissing(entries);
    const cases = entries.map((entry) => this.#openCase(entry));
    const kept = new Set(cases.filter(({ account }) => account.askedFor !== undefined));
    // Who refused the last time is asked first: nobody is moved for the sake of room that will not come.
    let asked = cases.filter(({ account }) => account.keeps);
    if (asked.length === 0) asked = cases;
    for (;;) {
      const decided = this.#arbitrate(cases, kept);
      const falls = asked.filter((one) => !kept.has(one) && toOf(decided, one) < one.account.ceiling);
      const applied = await Promise.all(falls.map((one) => this.#act(one, decided.get(one) as Arbitration)));
      if (this.#round !== round) return;
      for (const [index, one] of falls.entries()) if (applied[index] === false) kept.add(one);
      if (asked !== cases) asked = cases;
      else if (!applied.includes(false)) {
        await Promise.all(cases.filter((one) => !kept.has(one)).map((one) => this.#act(one, decided.get(one) as Arbitration)));
        return;
      }
    }
  }

  decisions(filter: { readonly subsystem?: string; readonly limit: number }): readonly ScalingDecision[] {
    return this.#ring.list(filter);
  }

  /** The ceiling given to a subsystem, and why. */
  account(name: string): { readonly ceiling: number; readonly last: ScalingDecision | undefined } | undefined {
    return this.#accounts.get(name);
  }

  /** The rules a subsystem is held to now; undefined for one that is not registered. */
  policyOf(name: string): PolicyInForce | undefined {
    const entry = this.#options.registry.entries().find(({ subsystem }) => subsystem.name === name);
    return entry && this.#policyFor(entry);
  }

  #policyFor({ subsystem, scalingDefaults }: SubsystemEntry): PolicyInForce {
    const { machine } = this.#options;
    return policyInForce(subsystem.name, { subsystems: this.#config.subsystems, defaults: scalingDefaults, cores: machine.latest.cores });
  }

  #openCase(entry: SubsystemEntry): Case {
    const account = this.#accountOf(entry);
    return { entry, account, windowDemand: account.window.update(this.#options.clock.monotonicMs(), demandOf(entry)) };
  }

  #arbitrate(cases: readonly Case[], kept: ReadonlySet<Case>): ReadonlyMap<Case, Arbitration> {
    const { machine } = this.#options;
    const inputs = cases.map((one) => this.#inputFor(one, kept.has(one)));
    const decided = arbitrate(machine.latest, inputs, this.#config);
    return new Map(cases.map((one, index) => [one, decided[index] as Arbitration]));
  }

  #inputFor({ entry, account, windowDemand }: Case, keeps: boolean): ArbitrationInput {
    const { weight, floor, ceiling, costCores, criticality } = this.#policyFor(entry);
    return {
      name: entry.subsystem.name,
      demand: demandOf(entry),
      windowDemand,
      ceilingNow: account.ceiling,
      weight,
      floor,
      ceiling: ceiling ?? Number.POSITIVE_INFINITY,
      costCores,
      criticality,
      ...(keeps ? { held: Math.max(account.ceiling, account.askedFor ?? 0) } : {}),
    };
  }

  /** False when the subsystem did not take it. */
  async #act({ entry, account }: Case, decided: Arbitration): Promise<boolean> {
    const others = configuredLimitsOf(entry);
    const isSame = areSame(others, account.others);
    if (decided.to === account.ceiling && account.last !== undefined && isSame) {
      // Only a new reason is worth a line: a host that rests would fill the ring with nothing.
      if (account.last.limitedBy !== decided.limitedBy) this.#record(account, decided, { outcome: 'none' });
      return true;
    }
    const arbitration = isSame ? decided : { ...decided, reason: `${decided.reason}; other limits as they are configured now` };
    account.askedFor = arbitration.to;
    const from = { ...account.others, maxConcurrentOperations: arbitration.from };
    const to = { ...others, maxConcurrentOperations: arbitration.to };
    try {
      await this.#reconfigure(entry, to);
      account.ceiling = arbitration.to;
      account.others = others;
      account.revision += 1;
      account.keeps = false;
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
      return true;
    } catch (error) {
      const message = messageOf(error);
      const { last } = account;
      account.keeps = arbitration.to < account.ceiling;
      // It is tried again every period; saying so every time would fill ring and log, also where the wish moves with what others keep.
      const isKnown = last?.outcome === 'refused' && last.error === message && last.to < account.ceiling === account.keeps;
      if (isKnown) return false;
      this.#record(account, arbitration, { outcome: 'refused', error: message });
      if (!isKind(error, 'refused')) {
        this.#options.logger.error(`${arbitration.subsystem} failed to take its limits: ${message}`, {
          error,
          plugin: entry.plugin,
        });
      }
      return false;
    } finally {
      account.askedFor = undefined;
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

  #accountOf({ subsystem, initialLimits }: SubsystemEntry): Account {
    const known = this.#accounts.get(subsystem.name);
    if (known?.subsystem === subsystem) return known;
    const account: Account = {
      subsystem,
      window: new DemandWindow(this.#config.downWindowMs),
      ceiling: initialLimits.maxConcurrentOperations,
      others: initialLimits,
      revision: known?.revision ?? 0,
      last: undefined,
      askedFor: undefined,
      keeps: false,
    };
    this.#accounts.set(subsystem.name, account);
    return account;
  }

  #forgetMissing(entries: readonly SubsystemEntry[]): void {
    const names = new Set(entries.map((entry) => entry.subsystem.name));
    for (const name of this.#accounts.keys()) if (!names.has(name)) this.#accounts.delete(name);
  }
}

/** Beside the concurrent operations, about which the governor decides. */
function areSame(one: ScalingLimits, other: ScalingLimits): boolean {
  return (
    one.maxQueueDepth === other.maxQueueDepth &&
    one.maxCacheEntries === other.maxCacheEntries &&
    one.maxMemoryBytes === other.maxMemoryBytes
  );
}

function demandOf({ metrics }: SubsystemEntry): number {
  return Math.max(0, Math.ceil(metrics?.demand ?? 0));
}

function toOf(decided: ReadonlyMap<Case, Arbitration>, one: Case): number {
  return decided.get(one)?.to ?? one.account.ceiling;
}
