import type { IClock } from '@bellows/sdk';
import type { IssueQueue } from '../scaling/scale-dependencies.js';
import type { LiveIssue, LiveJob } from './live-job.js';

/** The jobs that run, and whose turn it is: each job with work in rotation, so that a large one does not hold up the others. */
export class JobBoard implements IssueQueue {
  readonly #clock: Pick<IClock, 'now' | 'monotonicMs'>;
  /** In the order of their turns. */
  readonly #jobs = new Map<string, LiveJob>();
  readonly #held = new Set<string>();

  constructor(clock: Pick<IClock, 'now' | 'monotonicMs'>) {
    this.#clock = clock;
  }

  add(job: LiveJob): void {
    this.#jobs.set(job.id, job);
  }

  remove(id: string): void {
    this.#jobs.delete(id);
    this.#held.delete(id);
  }

  get(id: string): LiveJob | undefined {
    return this.#jobs.get(id);
  }

  get jobs(): readonly LiveJob[] {
    return [...this.#jobs.values()];
  }

  /** A held job begins nothing: its branch is not to be had yet. */
  hold(id: string): void {
    this.#held.add(id);
  }

  unhold(id: string): void {
    this.#held.delete(id);
  }

  get ready(): number {
    return this.#open().reduce((sum, job) => sum + job.ready, 0);
  }

  get waiting(): number {
    return this.jobs.reduce((sum, job) => sum + job.waiting, 0);
  }

  get oldestReadyMs(): number {
    const since = this.#open().reduce((oldest, job) => Math.min(oldest, job.oldestReadySinceMs), Number.POSITIVE_INFINITY);
    return since === Number.POSITIVE_INFINITY ? 0 : this.#clock.monotonicMs() - since;
  }

  /** The next issue, which is then under way; null when nothing may begin. The job goes to the end of the row. */
  take(): { readonly job: LiveJob; readonly live: LiveIssue } | null {
    for (const job of this.#open()) {
      if (!job.hasWork) continue;
      const live = job.begin(this.#clock.now());
      if (live === null) continue;
      this.#jobs.delete(job.id);
      this.#jobs.set(job.id, job);
      return { job, live };
    }
    return null;
  }

  #open(): readonly LiveJob[] {
    return this.#held.size === 0 ? this.jobs : this.jobs.filter(({ id }) => !this.#held.has(id));
  }
}
