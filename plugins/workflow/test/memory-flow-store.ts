import { workflowError } from '../src/errors.js';
import {
  ENDED_STATUSES,
  type FlowChange,
  type FlowEvent,
  type IFlowStore,
  type RunFilter,
  type RunProjection,
  type RunRecord,
  type RunStatus,
  type StoredDefinition,
  type StoredRun,
  type Wait,
} from '../src/store/flow-records.js';

interface MemoryRun {
  readonly record: RunRecord;
  projection: RunProjection;
  readonly events: FlowEvent[];
  readonly waits: Map<number, number | null>;
  isDormant: boolean;
}

/** What is durable: survives a crash of the engine. */
export class MemoryDisk {
  readonly runs = new Map<number, MemoryRun>();
  readonly definitions: StoredDefinition[] = [];
  lastKey = 0;
  /** What the engine must never do and did. */
  readonly violations: string[] = [];
}

/**
 * An `IFlowStore` in memory that checks what it is given: numbers without gaps, nothing after the end, no stage completed twice.
 * Commits in the next turn of the event loop, like the real one. `crash` forgets what is not committed and calls nobody any more.
 */
export class MemoryFlowStore implements IFlowStore {
  readonly disk: MemoryDisk;
  commits = 0;
  /** Events asked for. */
  eventsRead = 0;
  /** Steps stay uncommitted while it is true. */
  isHeld = false;
  /** Takes this many commits, then crashes before the next one. */
  crashAfter = Number.POSITIVE_INFINITY;
  onCrash: () => void = () => {};
  isStalled = false;
  #queue: FlowChange[] = [];
  #isPlanned = false;
  #isClosed = false;
  #isCrashed = false;

  constructor(disk = new MemoryDisk()) {
    this.disk = disk;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  nextKey(): number {
    this.disk.lastKey += 1;
    return this.disk.lastKey;
  }

  submit(change: FlowChange): void {
    if (this.#isCrashed) return;
    if (this.#isClosed) throw workflowError('FLOW_STORE_CLOSED', 'closed');
    this.#queue.push(change);
    this.#plan();
  }

  /** As SIGKILL. */
  crash(): void {
    this.#isClosed = true;
    this.#isCrashed = true;
    this.#queue = [];
  }

  release(): void {
    this.isHeld = false;
    this.#plan();
  }

  findRun(id: string): StoredRun | null {
    for (const run of this.disk.runs.values()) if (run.record.id === id) return stored(run);
    return null;
  }

  run(key: number): StoredRun | null {
    const run = this.disk.runs.get(key);
    return run === undefined ? null : stored(run);
  }

  events(key: number, afterSeq = 0, atMost = Number.POSITIVE_INFINITY): Iterable<FlowEvent> {
    this.eventsRead += Math.min(atMost, this.disk.runs.get(key)?.events.length ?? 0);
    return this.disk.runs.get(key)?.events.slice(afterSeq, afterSeq + atMost) ?? [];
  }

  list(filter: RunFilter) {
    const all = [...this.disk.runs.values()].map(stored).filter((run) => filter.status === undefined || run.status === filter.status);
    return { items: all.reverse().slice(0, filter.limit) };
  }

  activeRuns(): Iterable<number> {
    return [...this.disk.runs].filter(([, run]) => !hasEnded(run) && !run.isDormant).map(([key]) => key);
  }

  *dueWaits(): Iterable<Wait & { readonly dueAt: number }> {
    for (const [run, { waits, projection }] of this.disk.runs) {
      if (ENDED_STATUSES.has(projection.status)) continue;
      for (const [stage, dueAt] of waits) if (dueAt !== null) yield { run, stage, dueAt };
    }
  }

  async saveDefinition(definition: StoredDefinition): Promise<void> {
    this.disk.definitions.push(definition);
  }

  definition(name: string, version?: number): StoredDefinition | null {
    return this.disk.definitions.findLast((one) => one.name === name && (version === undefined || one.version === version)) ?? null;
  }

  definitions(): readonly StoredDefinition[] {
    return this.disk.definitions;
  }

  counts(): Readonly<Record<RunStatus, number>> {
    const counts: Record<string, number> = { waiting: 0 };
    for (const { projection } of this.disk.runs.values()) counts[projection.status] = (counts[projection.status] ?? 0) + 1;
    return counts as Record<RunStatus, number>;
  }

  async close(): Promise<void> {
    this.#commit();
    this.#isClosed = true;
  }

  #plan(): void {
    if (this.#isPlanned || this.isHeld || this.#queue.length === 0) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#isClosed || this.isHeld || this.#queue.length === 0) return;
    if (this.commits >= this.crashAfter) {
      this.crash();
      this.onCrash();
      return;
    }
    this.commits += 1;
    const queue = this.#queue;
    this.#queue = [];
    const outcomes = queue.map((change) => ({ change, error: this.#apply(change) }));
    for (const { change, error } of outcomes) change.done?.(error);
  }

  #apply(change: FlowChange) {
    const { run: key, newRun, events, setWaits = [], clearWaits = [], dormant, projection } = change;
    if (newRun !== undefined) {
      if (this.findRun(newRun.id) !== null) return workflowError('RUN_CONFLICT', `${newRun.id} is there`);
      const first = projection ?? { status: 'queued', updatedAt: 0, endedAt: null, output: null, error: null };
      this.disk.runs.set(key, { record: newRun, projection: first, events: [], waits: new Map(), isDormant: false });
    }
    const run = this.disk.runs.get(key);
    if (run === undefined) {
      this.disk.violations.push(`a step of run ${key}, which is not there`);
      return null;
    }
    if (hasEnded(run) && events.length > 0) this.disk.violations.push(`after the end of ${run.record.id}: ${JSON.stringify(events)}`);
    for (const event of events) this.#push(run, event);
    for (const stage of clearWaits) run.waits.delete(stage);
    for (const { stage, dueAt } of setWaits) run.waits.set(stage, dueAt);
    if (dormant !== undefined) run.isDormant = dormant;
    if (projection !== undefined) run.projection = projection;
    return null;
  }

  #push({ record, events }: MemoryRun, event: FlowEvent): void {
    const { violations } = this.disk;
    if (event.seq !== events.length + 1) violations.push(`${record.id}: ${JSON.stringify(event)} after ${events.length} events`);
    if (ONCE.has(event.type) && events.some(({ type, stage }) => type === event.type && stage === event.stage)) {
      violations.push(`${record.id}: a second ${event.type} of stage ${event.stage}`);
    }
    events.push(event);
  }
}

const ONCE: ReadonlySet<string> = new Set([
  'stage.completed',
  'stage.failed',
  'compensation.completed',
  'compensation.failed',
  'rollback.started',
]);

function hasEnded({ projection }: MemoryRun): boolean {
  return ENDED_STATUSES.has(projection.status);
}

function stored({ record, projection }: MemoryRun): StoredRun {
  return { ...record, ...projection };
}
