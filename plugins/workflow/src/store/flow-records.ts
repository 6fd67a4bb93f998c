import type { BellowsError, CallAuthority } from '@bellows/sdk';

export const RUN_STATUSES = [
  'queued',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'rolling_back',
  'rolled_back',
  'rollback_failed',
  'cancelled',
] as const;
/** `queued`: durable, no stage has begun. `waiting`: nothing to execute before a timer, a signal, a retry or a child ends. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** A run in one of these has ended and never changes again. */
export const ENDED_STATUSES: ReadonlySet<RunStatus> = new Set(['completed', 'failed', 'rolled_back', 'rollback_failed', 'cancelled']);

export const FLOW_EVENT_TYPES = [
  'run.started',
  'stage.started',
  'stage.completed',
  'stage.failed',
  'stage.retry_scheduled',
  'timer.set',
  'timer.fired',
  'signal.awaited',
  'signal.received',
  'child.started',
  'run.cancel_requested',
  'rollback.started',
  'compensation.started',
  'compensation.completed',
  'compensation.failed',
  'run.completed',
  'run.failed',
  'run.rolled_back',
  'run.rollback_failed',
  'run.cancelled',
] as const;
export type FlowEventType = (typeof FLOW_EVENT_TYPES)[number];

/** A value as text: JSON, or where the JSON is kept; see `CapturedStates`. */
export type KeptValue = string;

/** One line of the log of a run. Events are never changed. */
export interface FlowEvent {
  /** From 1, without gaps, in the order of what happened. */
  readonly seq: number;
  readonly type: FlowEventType;
  /** Index of the stage in the pipeline; -1 for what concerns the run. */
  readonly stage: number;
  /** From 1; 0 where there is none. */
  readonly attempt: number;
  /** Wall clock, ms since 1970. */
  readonly at: number;
  /** What came out of it: a {@link KeptValue} for outputs and payloads, JSON for errors (`{ code, message, … }`) and times; null for nothing. */
  readonly data: string | null;
}

/** What is known of a run apart from its events. */
export interface RunRecord {
  /** Small number that stands for the run inside of the store; rises with every run. */
  readonly key: number;
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly input: KeptValue;
  /** SHA-256 of the input's JSON, to tell a repeated start from another one. */
  readonly inputHash: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly tenant: string;
  readonly user: string;
  readonly authority: CallAuthority;
  /** The run whose stage this one is, with the index of that stage. */
  readonly parent: { readonly key: number; readonly stage: number } | null;
  readonly createdAt: number;
}

/** What lists show: follows the events within half a second, and is right at once in `findRun` and `list` of this process. */
export interface RunProjection {
  readonly status: RunStatus;
  readonly updatedAt: number;
  readonly endedAt: number | null;
  readonly output: KeptValue | null;
  /** JSON `{ code, message, … }`. */
  readonly error: string | null;
}

export type StoredRun = RunRecord & RunProjection;

/** Something that wakes a run which is not in memory. */
export interface Wait {
  readonly run: number;
  readonly stage: number;
  /** Wall clock; null waits for a signal or a child only. */
  readonly dueAt: number | null;
}

/** One durable step of one run: commits as a whole or not at all. Steps of one run commit in the order they were submitted. */
export interface FlowChange {
  /** Key of the run. */
  readonly run: number;
  /** Given when this step makes the run. */
  readonly newRun?: RunRecord;
  readonly events: readonly FlowEvent[];
  readonly setWaits?: readonly Wait[];
  /** Stages whose waits are over. */
  readonly clearWaits?: readonly number[];
  /** True: nothing of the run executes until a wait is over; a restart then leaves it in the store. Left out: as before (false at first). */
  readonly dormant?: boolean;
  /** The new line for lists, written when there is time. */
  readonly projection?: RunProjection;
  /**
   * What happens when the store cannot take it (disk full …): `refuse` tells `done` the error and forgets the step; `keep` keeps it,
   * and all later steps of that run, and tries again until it fits.
   */
  readonly onFailure: 'refuse' | 'keep';
  /**
   * After COMMIT with null, or with the error of a refused step. Of the steps of one run in the order of submission; of different
   * runs too, unless one of them is refused or kept. Never before `submit` returned.
   */
  done?(error: BellowsError | null): void;
}

export interface RunFilter {
  readonly tenant?: string;
  readonly status?: RunStatus;
  readonly name?: string;
  /** `createdAt`, both included. */
  readonly from?: number;
  readonly to?: number;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly cursor?: string;
}

export interface StoredDefinition {
  readonly name: string;
  readonly version: number;
  readonly hash: string;
  /** JSON as it was given; null where the definition holds functions and comes from a file. */
  readonly json: string | null;
  /** Where `json` is null: JSON of digests, to tell which stages another definition changes; see `outlineOf`. */
  readonly outline?: string | null;
  readonly createdAt: number;
}

/** Where runs live. One process at a time. Everything but `open`, `submit`'s `done` and `close` is synchronous. */
export interface IFlowStore {
  /** The key of the next run: each is given once, also across restarts. */
  nextKey(): number;
  /**
   * Takes a step; everything submitted within one turn of the event loop shares one commit (at most 1,000 events each).
   * Throws `FLOW_STORE_CLOSED` after `close`.
   */
  submit(change: FlowChange): void;
  findRun(id: string): StoredRun | null;
  run(key: number): StoredRun | null;
  /** Committed events of a run in order, from `afterSeq` (excluded) on, `atMost` so many. */
  events(key: number, afterSeq?: number, atMost?: number): Iterable<FlowEvent>;
  /** Newest first. */
  list(filter: RunFilter): { readonly items: readonly StoredRun[]; readonly cursor?: string };
  /** Runs that have not ended and are not dormant, oldest first: what a restart goes on with. */
  activeRuns(): Iterable<number>;
  /** Waits with a time, of all dormant and active runs. */
  dueWaits(): Iterable<Wait & { readonly dueAt: number }>;
  saveDefinition(definition: StoredDefinition): Promise<void>;
  definition(name: string, version?: number): StoredDefinition | null;
  definitions(): readonly StoredDefinition[];
  /** How many runs have not ended, by status. */
  counts(): Readonly<Record<RunStatus, number>>;
  /** True while steps wait because the disk is full or the file cannot be written. */
  readonly isStalled: boolean;
  /** Commits what is pending, then closes. */
  close(): Promise<void>;
}
