import { harnessError } from '../errors.js';
import type { Evidence } from './judge-stall.js';

/** What a worker is busy with, as far as health checks need to know. */
export interface WorkerSession {
  readonly id: string;
  readonly issueId: string;
  /** What is known of its life and progress now. */
  evidence(): Promise<Evidence>;
  /** Ends its processes and gives its issue back; resolves when none is left. */
  endStalled(): Promise<void>;
}

export type WorkerStatus = 'idle' | 'working' | 'stalled';

export interface WorkerState {
  readonly id: string;
  readonly status: WorkerStatus;
  /** Sessions it was given so far, the running one included. */
  readonly sessions: number;
  readonly issueId: string | null;
}

/**
 * A slot that runs one session at a time.
 *
 * ```text
 *          claim            markStalled
 *   idle ────────→ working ────────────→ stalled
 *    ↑   release      │       release       │
 *    └────────────────┴─────────────────────┘
 * ```
 */
export class Worker {
  readonly id: string;
  #session: WorkerSession | null = null;
  #stalled = false;
  #sessions = 0;

  constructor(id: string) {
    this.id = id;
  }

  getState(): WorkerState {
    const status = this.#session === null ? 'idle' : this.#stalled ? 'stalled' : 'working';
    return { id: this.id, status, sessions: this.#sessions, issueId: this.#session?.issueId ?? null };
  }

  isAvailable(): boolean {
    return this.#session === null;
  }

  /** What it is busy with; null when idle. */
  get session(): WorkerSession | null {
    return this.#session;
  }

  get sessions(): number {
    return this.#sessions;
  }

  /** Gives it work. `WORKER_BUSY` when it has some. */
  claim(session: WorkerSession): void {
    if (this.#session !== null) {
      throw harnessError('WORKER_BUSY', `${this.id} was given ${session.issueId} while it works on ${this.#session.issueId}: report this`);
    }
    this.#session = session;
    this.#sessions += 1;
  }

  /** Only while it works on `session`: a late call for an earlier one does nothing. */
  markStalled(session: WorkerSession): void {
    if (this.#session === session) this.#stalled = true;
  }

  /** Makes it idle. A late call for another session than the present one does nothing; answers whether it did something. */
  release(session: WorkerSession): boolean {
    if (this.#session !== session) return false;
    this.#session = null;
    this.#stalled = false;
    return true;
  }
}
