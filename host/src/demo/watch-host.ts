import { type IClock, PluginError } from '@bellows/sdk';
import type { HostClient } from '../cli/host-client.js';
import type { HostStatus, SubsystemStatus } from '../host-view.js';
import { type DemoPart, SUBSYSTEMS } from './demo-report.js';
import type { PartState, ProgressView } from './progress-view.js';

export interface WatchOptions {
  readonly client: HostClient;
  readonly clock: IClock;
  readonly progress: ProgressView;
  /** What the work of a part has come to. */
  readonly said: Readonly<Record<DemoPart, () => string>>;
  /** When nothing has changed for so long, nothing will. */
  readonly stuckMs: number;
}

/** As often as a person sees a difference. */
const LOOK_MS = 500;
const PARTS = Object.keys(SUBSYSTEMS) as readonly DemoPart[];

/** Looks at the host again and again, and shows it. */
export class HostWatch {
  readonly #options: WatchOptions;
  readonly #most = new Map<DemoPart, number>();
  #cores = 0;
  #seen = '';
  #changedAt: number;
  #subsystems: readonly SubsystemStatus[] = [];

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#changedAt = options.clock.monotonicMs();
  }

  /** Looks until the signal aborts; resolves then. Rejects when the host does not answer, or with `PluginError` (`DEMO_STUCK`). */
  async run(until: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!until.aborted) {
      await this.look();
      await clock.sleep(LOOK_MS, until).catch(() => {});
    }
  }

  async look(): Promise<void> {
    const { client, progress } = this.#options;
    const { subsystems, machine } = await client.get<HostStatus>('/v1/status');
    this.#subsystems = subsystems;
    this.#cores = machine.cores;
    const states = PARTS.map((part) => this.#stateOf(part));
    for (const { part, inUse } of states) this.#most.set(part, Math.max(inUse, this.#most.get(part) ?? 0));
    progress.show(states);
    this.#demandProgress(states);
  }

  get cores(): number {
    return this.#cores;
  }

  /** The most operations that were seen at once. */
  most(part: DemoPart): number {
    return this.#most.get(part) ?? 0;
  }

  /** Whether nobody has more than what it has at rest. */
  get isAtRest(): boolean {
    return this.#subsystems.every(({ ceiling, policy }) => ceiling <= policy.floor);
  }

  /** A host whose disk is full, say, waits until there is room, as it should; nobody makes any for a demo. */
  #demandProgress(states: readonly PartState[]): void {
    const { clock, stuckMs } = this.#options;
    const now = clock.monotonicMs();
    const seen = [...states.map(({ work }) => work), ...this.#subsystems.map(({ metrics }) => metrics['completed.total'])].join();
    if (seen !== this.#seen) this.#changedAt = now;
    this.#seen = seen;
    if (now - this.#changedAt < stuckMs) return;
    const where = states.map(({ part, work }) => `${part}: ${work}`).join('; ');
    throw new PluginError(
      'DEMO_STUCK',
      `Nothing has got on for ${Math.round(stuckMs / 1_000)} s (${where}): see whether the disk is full, and run it with --keep to have the log of its host.`,
    );
  }

  #stateOf(part: DemoPart): PartState {
    const found = this.#subsystems.find(({ name }) => name === SUBSYSTEMS[part]);
    const work = this.#options.said[part]();
    if (!found) return { part, work, inUse: 0, limit: 0, ceiling: 0 };
    return { part, work, inUse: found.metrics.inUse ?? 0, limit: found.limits.maxConcurrentOperations, ceiling: found.ceiling };
  }
}
