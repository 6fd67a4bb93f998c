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
}

const NOTHING: SessionProcesses = Object.freeze({ alive: Object.freeze([]), cpuMs: 0, changes: 0 });

/**
 * Which processes belong to which session, by one look for all sessions.
 *
 * A process belongs to a session when it is its leader, is in the group of the leader, carries the session in its environment, has a
 * parent that belongs to it, or did so at an earlier look. Only who leaves the group, clears its environment and loses its parent
 * between two looks is lost sight of. The environment of a process is read once.
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

  async #lookNow(): Promise<void> {
    const records = new Map((await this.#reader.list()).map((record) => [record.pid, record]));
    const known = new Map<number, Known>();
    for (const record of records.values()) {
      const before = this.#known.get(record.pid);
      known.set(record.pid, before?.startedAt === record.startedAt ? before : this.#meet(record));
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
    for (const session of this.#sessions.values()) session.latest = summary(session.latest, members.get(session.id) ?? []);
    this.#lookedAtMs = this.#clock.monotonicMs();
  }

  #meet({ pid, startedAt, ended }: ProcessRecord): Known {
    return { startedAt, carries: ended ? '' : this.#reader.sessionOf(pid), session: null };
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
    const path: Known[] = [];
    let session: string | null = null;
    for (let at: ProcessRecord | undefined = record; at !== undefined && session === null; at = look.records.get(at.parentPid)) {
      const known = this.#known.get(at.pid)!;
      // parents that seem to be their own ancestors: numbers were used again during the look
      if (path.includes(known)) break;
      path.push(known);
      if (known.session !== null && this.#sessions.has(known.session)) session = known.session;
      else if (this.#sessions.has(known.carries)) session = known.carries;
      else session = look.groups.get(at.groupId) ?? null;
    }
    if (session !== null) for (const known of path) known.session = session;
    return session;
  }
}

interface Session {
  readonly id: string;
  readonly leader: ProcessIdentity | null;
  readonly isOwn: boolean;
  latest: SessionProcesses;
}

interface Known {
  readonly startedAt: string;
  /** What its environment says. */
  readonly carries: string;
  session: string | null;
}

interface Look {
  readonly records: ReadonlyMap<number, ProcessRecord>;
  readonly groups: ReadonlyMap<number, string>;
}

function summary(before: SessionProcesses, alive: readonly ProcessRecord[]): SessionProcesses {
  const key = ({ pid, startedAt }: ProcessRecord) => `${pid} ${startedAt}`;
  const old = new Set(before.alive.map(key));
  const stayed = alive.filter((record) => old.has(key(record))).length;
  return {
    alive,
    cpuMs: alive.reduce((sum, record) => sum + record.cpuMs, 0),
    changes: before.changes + (alive.length - stayed) + (old.size - stayed),
  };
}
