import type { IClock } from '@bellows/sdk';
import type { ProcessIdentity } from '../jobs/session-contracts.js';
import type { IProcessReader, ProcessRecord } from './process-record.js';

/** What one session has at the moment of a look. */
export interface SessionProcesses {
  /** Alive: without those that only wait for their parent. */
  readonly alive: readonly ProcessRecord[];
  /** CPU time of all that live and of the children they waited for. Falls when one ends whose parent is no part of it. */
  readonly cpuMs: number;
  /** How many processes were seen to begin or end since it is followed. */
  readonly changes: number;
  /** The group of its leader when somebody is in it and it is surely the session's, else null. */
  readonly group: number | null;
}

/** Foreign programs that begin and end all the time must not keep a look from ending. */
const MAX_TRIES = 4;

const NOTHING: SessionProcesses = Object.freeze({ alive: Object.freeze([]), cpuMs: 0, changes: 0, group: null });

/**
 * Which processes belong to which session, by one look for all sessions.
 *
 * A process belongs to a session when it is its leader, is in the group or the system's session of the leader, has a parent that
 * belongs to it, or did so at an earlier look; where nothing of that tells, when it carries the session in its environment: what a
 * process says of itself moves nobody out of the session that started it. Only who leaves the system's session, clears its environment
 * (or writes its title over it) and loses its parent, all between two looks, is lost sight of. An environment is read once.
 */
export class ProcessTree {
  readonly #reader: IProcessReader;
  readonly #clock: Pick<IClock, 'monotonicMs'>;
  readonly #sessions = new Map<string, Session>();
  #known = new Map<number, Known>();
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(reader: IProcessReader, clock: Pick<IClock, 'monotonicMs'>) {
    this.#reader = reader;
    this.#clock = clock;
  }

  isFollowed(sessionId: string): boolean {
    return this.#sessions.has(sessionId);
  }

  /**
   * `leader` may have ended long ago, its number be in use again, or not be known. `isOwn`: it was started just now, so its group is
   * the session's even when it has ended already. Once per session.
   */
  follow(sessionId: string, leader: ProcessIdentity | null, isOwn = false): void {
    this.#sessions.set(sessionId, { id: sessionId, leader, isOwn, latest: NOTHING });
  }

  /** Silent when it is not followed. */
  forget(sessionId: string): void {
    this.#sessions.delete(sessionId);
  }

  /**
   * The processes of the session. One look serves all who ask meanwhile, and with `maxAgeMs` those who ask so long after it; without,
   * the look begins after the call.
   */
  async look(sessionId: string, maxAgeMs = -1): Promise<SessionProcesses> {
    if (this.#clock.monotonicMs() - this.#lookedAtMs > maxAgeMs) await this.#lookAgain();
    return this.#sessions.get(sessionId)?.latest ?? NOTHING;
  }

  #lookAgain(): Promise<void> {
    // what runs already may have passed over a process that began since
    this.#next ??= (this.#running ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.#running = this.#next;
        this.#next = null;
        return this.#lookNow();
      });
    return this.#next;
  }

  /** Whether it lives now: its number may be that of another by the time something is done about it. */
  async isStill({ pid, startedAt }: ProcessRecord): Promise<boolean> {
    const now = await this.#reader.read(pid);
    return now !== null && now.startedAt === startedAt && !now.ended;
  }

  async #lookNow(): Promise<void> {
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      const records = await this.#lookOnce();
      if (!(await this.#hasLostSight(records))) break;
    }
    this.#lookedAtMs = this.#clock.monotonicMs();
  }

  /** Whether one ended before its environment told whose it is: a daemon that has just started another, which the look has not seen. */
  async #hasLostSight(records: Iterable<ProcessRecord>): Promise<boolean> {
    for (const record of records) {
      const { session, carries } = this.#known.get(record.pid)!;
      if (session === null && carries === null && hasEnvironment(record) && !(await this.isStill(record))) return true;
    }
    return false;
  }

  async #lookOnce(): Promise<Iterable<ProcessRecord>> {
    const records = new Map((await this.#reader.list()).map((record) => [record.pid, record]));
    const known = new Map<number, Known>();
    for (const record of records.values()) {
      const before = this.#known.get(record.pid);
      known.set(
        record.pid,
        before?.startedAt === record.startedAt ? before : { startedAt: record.startedAt, carries: null, session: null },
      );
    }
    this.#known = known;
    const groups = this.#groups(records);
    const members = new Map<string, ProcessRecord[]>();
    for (const record of records.values()) {
      const session = this.#assign(record, { records, groups });
      if (session === null || record.ended) continue;
      const list = members.get(session);
      if (list === undefined) members.set(session, [record]);
      else list.push(record);
    }
    for (const session of this.#sessions.values()) session.latest = summary(session, members.get(session.id) ?? [], groups);
    return records.values();
  }

  /** Groups that are surely those of sessions: the number of a leader that is gone may be in use again. */
  #groups(records: ReadonlyMap<number, ProcessRecord>): Map<number, string> {
    const groups = new Map<number, string>();
    for (const { id, leader, isOwn } of this.#sessions.values()) {
      if (leader === null) continue;
      const present = records.get(leader.pid);
      const isSame = present?.startedAt === leader.startedAt;
      if (isSame) this.#known.get(leader.pid)!.session = id;
      if (isSame || (isOwn && present === undefined)) groups.set(leader.pid, id);
    }
    return groups;
  }

  #assign(record: ProcessRecord, look: Look): string | null {
    const path: ProcessRecord[] = [];
    let session: string | null = null;
    // parents that seem to be their own ancestors: numbers were used again during the look
    for (let at: ProcessRecord | undefined = record; at !== undefined && !path.includes(at); at = look.records.get(at.parentPid)) {
      path.push(at);
      session = this.#startedBy(at, look.groups);
      if (session !== null) break;
    }
    for (let index = 0; session === null && index < path.length; index += 1) {
      session = this.#carriedBy(path[index]!);
      if (session !== null) path.length = index + 1;
    }
    if (session !== null) for (const { pid } of path) this.#known.get(pid)!.session = session;
    return session;
  }

  #startedBy({ pid, groupId, systemSessionId }: ProcessRecord, groups: ReadonlyMap<number, string>): string | null {
    const { session } = this.#known.get(pid)!;
    if (session !== null && this.#sessions.has(session)) return session;
    return groups.get(groupId) ?? groups.get(systemSessionId) ?? null;
  }

  #carriedBy(record: ProcessRecord): string | null {
    const known = this.#known.get(record.pid)!;
    if (hasEnvironment(record)) known.carries ??= this.#reader.sessionOf(record.pid);
    return known.carries !== null && this.#sessions.has(known.carries) ? known.carries : null;
  }
}

/** The group 0 is that of threads of the kernel. */
function hasEnvironment({ groupId, ended }: ProcessRecord): boolean {
  return !ended && groupId !== 0;
}

interface Session {
  readonly id: string;
  readonly leader: ProcessIdentity | null;
  readonly isOwn: boolean;
  latest: SessionProcesses;
}

interface Known {
  readonly startedAt: string;
  /** What its environment says; null while that is not known. */
  carries: string | null;
  session: string | null;
}

interface Look {
  readonly records: ReadonlyMap<number, ProcessRecord>;
  readonly groups: ReadonlyMap<number, string>;
}

function summary({ latest: before, leader }: Session, alive: readonly ProcessRecord[], groups: Look['groups']): SessionProcesses {
  const group = alive.find(({ groupId }) => groupId === leader?.pid && groups.has(groupId))?.groupId ?? null;
  const key = ({ pid, startedAt }: ProcessRecord) => `${pid} ${startedAt}`;
  const old = new Set(before.alive.map(key));
  const stayed = alive.filter((record) => old.has(key(record))).length;
  return {
    alive,
    cpuMs: alive.reduce((sum, record) => sum + record.cpuMs, 0),
    changes: before.changes + (alive.length - stayed) + (old.size - stayed),
    group,
  };
}
