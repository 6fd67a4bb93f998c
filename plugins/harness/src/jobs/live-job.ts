import type { Change } from './job-changes.js';
import type { AttemptFailure, Issue, IssueStatus, JobSpec, JobStatus } from './job-records.js';
import type { IssueRecord, JobRecord } from './stored-records.js';

/** An issue of a job that runs. */
export interface LiveIssue {
  readonly issue: Issue;
  /** In the job's list. */
  readonly position: number;
  record: IssueRecord;
  /** `IClock.monotonicMs` at which it became ready. */
  readySinceMs: number;
}

/**
 * A job that runs, in memory. It decides and remembers; it writes nothing: every change of an issue is answered as what to write.
 *
 * ```text
 *   blocked ─→ ready ─→ working ─→ verifying ─→ landing ─→ landed
 *      │         ↑  │      │           │           │
 *      │         └──┼──────┴───────────┴───────────┘  another attempt, or cut off
 *      └────────────┴─→ failed | cancelled  ←──── the last attempt
 * ```
 */
export class LiveJob {
  #record: JobRecord;
  readonly #issues = new Map<string, LiveIssue>();
  readonly #dependants = new Map<string, LiveIssue[]>();
  /** Highest priority first, then the order of the list. */
  readonly #ready: LiveIssue[] = [];
  #blocked = 0;
  #running = 0;

  /** `records`: what is known of the issues; none for a new job. */
  constructor(record: JobRecord, records: readonly IssueRecord[], nowMs: number) {
    this.#record = record;
    const known = new Map(records.map((issue) => [issue.id, issue]));
    for (const [position, issue] of record.spec.issues.entries()) {
      const live: LiveIssue = { issue, position, record: known.get(issue.id) ?? newIssue(issue.id), readySinceMs: nowMs };
      this.#issues.set(issue.id, live);
      for (const id of issue.dependsOn) {
        const dependants = this.#dependants.get(id);
        if (dependants === undefined) this.#dependants.set(id, [live]);
        else dependants.push(live);
      }
    }
    for (const live of this.#issues.values()) this.#place(live, nowMs);
  }

  get id(): string {
    return this.#record.spec.id;
  }

  get spec(): JobSpec {
    return this.#record.spec;
  }

  get record(): JobRecord {
    return this.#record;
  }

  get ready(): number {
    return this.#ready.length;
  }

  /** Ready or blocked. */
  get waiting(): number {
    return this.#ready.length + this.#blocked;
  }

  get running(): number {
    return this.#running;
  }

  get oldestReadySinceMs(): number {
    return this.#ready.reduce((oldest, { readySinceMs }) => Math.min(oldest, readySinceMs), Number.POSITIVE_INFINITY);
  }

  get blocked(): number {
    return this.#blocked;
  }

  /** How many issues may be handed to workers now. */
  get available(): number {
    return Math.max(0, Math.min(this.#ready.length, (this.spec.maxWorkers ?? Number.POSITIVE_INFINITY) - this.#running));
  }

  get issues(): readonly LiveIssue[] {
    return [...this.#issues.values()];
  }

  issue(id: string): LiveIssue | undefined {
    return this.#issues.get(id);
  }

  /** Takes the first ready issue: a new attempt in a new epoch. */
  begin(at: number): LiveIssue | null {
    const live = this.#ready.shift();
    if (live === undefined) return null;
    const { attempts, epoch, startedAt } = live.record;
    live.record = { ...live.record, status: 'working', attempts: attempts + 1, epoch: epoch + 1, startedAt: startedAt ?? at };
    this.#running += 1;
    return live;
  }

  /** A step of a session that is under way. */
  advance(live: LiveIssue, status: Extract<IssueStatus, 'verifying' | 'landing'>): readonly Change[] {
    return [this.#set(live, { status })];
  }

  /** It landed; what waited only for it becomes ready. */
  land(live: LiveIssue, commit: string, { at, nowMs }: Moment): readonly Change[] {
    this.#running -= 1;
    const changes = [this.#set(live, { status: 'landed', commit, failure: null, endedAt: at })];
    for (const dependant of this.#dependants.get(live.issue.id) ?? []) {
      if (dependant.record.status !== 'blocked' || !this.#isFree(dependant)) continue;
      this.#blocked -= 1;
      changes.push(this.#makeReady(dependant, nowMs));
    }
    return changes;
  }

  /** An attempt failed: the next one, or the end after `maxAttempts`; then also of what depends on it. */
  fail(live: LiveIssue, failure: AttemptFailure, { at, nowMs, maxAttempts }: Moment & { readonly maxAttempts: number }): readonly Change[] {
    this.#running -= 1;
    live.record = { ...live.record, failure };
    if (live.record.attempts < maxAttempts && !this.#record.cancelled) return [this.#makeReady(live, nowMs)];
    return [this.#set(live, { status: 'failed', endedAt: at }), ...this.#failDependants(live, at)];
  }

  /** Cut off from outside: as if the attempt had not been made. A cancelled job's issue ends. */
  giveBack(live: LiveIssue, { at, nowMs }: Moment): readonly Change[] {
    this.#running -= 1;
    if (this.#record.cancelled) return [this.#cancelled(live, at)];
    live.record = { ...live.record, attempts: live.record.attempts - 1 };
    return [this.#makeReady(live, nowMs)];
  }

  /** Nothing more is begun; sessions under way are the caller's to end. */
  cancel(at: number): readonly Change[] {
    const waiting = this.issues.filter(({ record }) => record.status === 'ready' || record.status === 'blocked');
    this.#ready.length = 0;
    this.#blocked = 0;
    this.#record = { ...this.#record, cancelled: true };
    return [{ kind: 'job', record: this.#record }, ...waiting.map((live) => this.#cancelled(live, at))];
  }

  /** Ends, after `cancel` was called too, what no session works on any more and nobody can tell whether it landed. */
  abandon({ at }: Moment): readonly Change[] {
    const lost = this.issues.filter(({ record }) => UNDER_WAY.has(record.status));
    this.#running -= lost.length;
    const message = 'The job was cancelled while its repository could not be opened: whether the last attempt landed is not known';
    return lost.map((live) => this.#set(live, { status: 'cancelled', failure: { reason: 'cancelled', message }, endedAt: at }));
  }

  /** Ends the job when every issue has ended; then answers what to write, else nothing. */
  endIfDone(at: number): readonly Change[] {
    if (this.#record.endedAt !== null || this.#ready.length + this.#blocked + this.#running > 0) return [];
    this.#record = { ...this.#record, status: this.#outcome(), endedAt: at };
    return [{ kind: 'job', record: this.#record }];
  }

  /** To write all of it. */
  everything(): readonly Change[] {
    return [{ kind: 'job', record: this.#record }, ...this.issues.map((live) => this.changeOf(live))];
  }

  changeOf({ record, position }: LiveIssue): Change {
    return { kind: 'issue', jobId: this.id, position, record };
  }

  #outcome(): JobStatus {
    const statuses = this.issues.map(({ record }) => record.status);
    if (statuses.every((status) => status === 'landed')) return 'completed';
    if (statuses.includes('cancelled')) return 'cancelled';
    return statuses.includes('landed') ? 'partial' : 'failed';
  }

  /** Where an issue stands when the job is loaded. */
  #place(live: LiveIssue, nowMs: number): void {
    const { status } = live.record;
    if (UNDER_WAY.has(status)) this.#running += 1;
    else if (status === 'ready') this.#insert(live, nowMs);
    else if (status === 'blocked' && this.#isFree(live)) this.#makeReady(live, nowMs);
    else if (status === 'blocked') this.#blocked += 1;
  }

  #isFree({ issue }: LiveIssue): boolean {
    return issue.dependsOn.every((id) => this.#issues.get(id)?.record.status === 'landed');
  }

  #failDependants(live: LiveIssue, at: number): Change[] {
    const changes: Change[] = [];
    const failed = [live];
    for (let next = failed.pop(); next !== undefined; next = failed.pop()) {
      for (const dependant of this.#dependants.get(next.issue.id) ?? []) {
        if (dependant.record.status !== 'blocked') continue;
        this.#blocked -= 1;
        const failure = { reason: 'dependency_failed', message: `It depends on ${next.issue.id}, which did not land` } as const;
        changes.push(this.#set(dependant, { status: 'failed', failure, endedAt: at }));
        failed.push(dependant);
      }
    }
    return changes;
  }

  #cancelled(live: LiveIssue, at: number): Change {
    const failure = { reason: 'cancelled', message: 'The job was cancelled' } as const;
    return this.#set(live, { status: 'cancelled', failure, endedAt: at });
  }

  #makeReady(live: LiveIssue, nowMs: number): Change {
    const change = this.#set(live, { status: 'ready' });
    this.#insert(live, nowMs);
    return change;
  }

  #insert(live: LiveIssue, nowMs: number): void {
    live.readySinceMs = nowMs;
    let [low, high] = [0, this.#ready.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (goesBefore(this.#ready[middle] as LiveIssue, live)) low = middle + 1;
      else high = middle;
    }
    this.#ready.splice(low, 0, live);
  }

  #set(live: LiveIssue, fields: Partial<IssueRecord>): Change {
    live.record = { ...live.record, ...fields };
    return this.changeOf(live);
  }
}

/** A session works on it, or did when its host ended. */
export const UNDER_WAY: ReadonlySet<IssueStatus> = new Set(['working', 'verifying', 'landing']);

export interface Moment {
  /** `IClock.now`. */
  readonly at: number;
  /** `IClock.monotonicMs`. */
  readonly nowMs: number;
}

function newIssue(id: string): IssueRecord {
  return { id, status: 'blocked', attempts: 0, epoch: 0, failure: null, commit: null, startedAt: null, endedAt: null };
}

function goesBefore(a: LiveIssue, b: LiveIssue): boolean {
  return a.issue.priority > b.issue.priority || (a.issue.priority === b.issue.priority && a.position < b.position);
}
