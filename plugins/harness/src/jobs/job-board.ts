import type { IClock } from '@bellows/sdk';
import type { IssueQueue } from '../scaling/scale-dependencies.js';
import type { LiveIssue, LiveJob } from './live-job.js';

/** The jobs that run, and whose turn it is: each job with work in rotation, so that a large one does not hold up the others. */
export class JobBoard implements IssueQueue {
  readonly #clock: Pick<IClock, 'now' | 'monotonicMs'>;
  /** In the order of their turns. */
  readonly #jobs = new Map<string, LiveJob>();
  /** Why, by job. */
  readonly #held = new Map<string, string>();

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

  /** A held job begins nothing: its repository or branch is not to be had yet. Held again, it is for the newer reason. */
  hold(id: string, why: string): void {
    this.#held.set(id, why);
  }

  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  unhold(id: string): void {
    this.#held.delete(id);
  }

  /** That a worker could take now: not those past the workers their job may have. */
  get ready(): number {
    return this.#open().reduce((sum, job) => sum + job.available, 0);
  }

  get waiting(): number {
    return this.jobs.reduce((sum, job) => sum + job.waiting, 0);
  }

  get oldestReadyMs(): number {
    const open = this.#open().filter(({ available }) => available > 0);
    const since = open.reduce((oldest, job) => Math.min(oldest, job.oldestReadySinceMs), Number.POSITIVE_INFINITY);
    return since === Number.POSITIVE_INFINITY ? 0 : this.#clock.monotonicMs() - since;
  }

  /** Why issues wait that no worker could take; '' when there are none. */
  get unavailable(): string {
    const open = this.#open();
    const capped = open.reduce((sum, job) => sum + job.ready - job.available, 0);
    const blocked = open.reduce((sum, job) => sum + job.blocked, 0);
    const [[id, why] = []] = this.#held;
    return [
      ...(blocked > 0 ? [`${blocked} wait for issues they depend on`] : []),
      ...(capped > 0 ? [`${capped} wait because their jobs have all the workers they asked for (maxWorkers of the job)`] : []),
      ...(id === undefined ? [] : [`${this.#held.size} jobs are held, the first is ${id}: ${why}`]),
    ].join('; ');
  }

  /** The next issue, which is then under way; null when nothing may begin. The job goes to the end of the row. */
  take(): { readonly job: LiveJob; readonly live: LiveIssue } | null {
    for (const job of this.#open()) {
      if (job.available === 0) continue;
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
