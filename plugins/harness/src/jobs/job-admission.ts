import { harnessError } from '../errors.js';
import type { ScaleManager } from '../scaling/scale-manager.js';
import { checkPrograms } from './check-programs.js';
import type { HarnessServices } from './harness-services.js';
import type { JobBoard } from './job-board.js';
import { type LocatedRequest, locateRequest, newJobRecord, prepareBranch, specOf } from './job-intake.js';
import type { JobLoader } from './job-loader.js';
import type { JobSpec } from './job-records.js';
import { checkedRequest, type JobCaller, type JobRequest, jobIdFor } from './job-requests.js';
import type { JobStore } from './job-store.js';
import { LiveJob } from './live-job.js';
import { removeUnusedBranch } from './unused-branch.js';

/** What a caller who was refused is told to wait at least and at most, and without any session to judge by. */
const MIN_RETRY_AFTER_MS = 100;
const MAX_RETRY_AFTER_MS = 5 * 60_000;
const RETRY_AFTER_MS = 30_000;

export interface JobAdmissionOptions {
  readonly services: HarnessServices;
  readonly store: JobStore;
  readonly board: JobBoard;
  readonly scale: ScaleManager;
  readonly loader: JobLoader;
  /** What relative paths of repositories start from. */
  readonly cwd: string;
}

/** Takes jobs in, each id once; refuses them for want of room. */
export class JobAdmission {
  readonly #options: JobAdmissionOptions;
  /** The last start of each id that is under way. */
  readonly #starting = new Map<string, Promise<void>>();
  /** Issues of jobs that are being accepted. */
  #reserved = 0;

  constructor(options: JobAdmissionOptions) {
    this.#options = options;
  }

  /** Resolves when the job is kept and on the board, or there already. `patient`: the caller comes again until there is room. */
  async admit(
    request: JobRequest,
    caller: JobCaller,
    { patient = false }: { readonly patient?: boolean } = {},
  ): Promise<{ readonly id: string; readonly created: boolean }> {
    const { services, cwd } = this.#options;
    const checked = checkedRequest(request);
    const id = jobIdFor(checked, caller, services.random);
    // two at once must not both find nothing
    const before = this.#starting.get(id) ?? Promise.resolve();
    const started = before.then(async () => this.#admit(await locateRequest({ id, request: checked, caller }, cwd, services), patient));
    const turn = started.then(
      () => {},
      () => {},
    );
    this.#starting.set(id, turn);
    try {
      return { id, created: await started };
    } finally {
      if (this.#starting.get(id) === turn) this.#starting.delete(id);
    }
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    await Promise.all([...this.#starting.values()]);
  }

  /** Whether it is a new one. */
  async #admit(located: LocatedRequest, patient: boolean): Promise<boolean> {
    const { store, board, services, loader } = this.#options;
    const present = board.get(located.id)?.record ?? store.job(located.id);
    if (present !== null) {
      if (present.requestHash === located.hash) return false;
      throw harnessError('JOB_CONFLICT', `There is another job ${located.id}, of another request: use another id`);
    }
    const spec = await specOf(located);
    let made = spec;
    this.#reserve(spec, patient);
    try {
      await checkPrograms(spec, located.repository, services);
      const { warnings, madeAt } = await prepareBranch(spec, located.repository);
      if (madeAt !== null) made = { ...spec, branchMadeAt: madeAt };
      await loader.claim(spec, located.repository);
      const at = services.clock.now();
      const job = new LiveJob(newJobRecord(located, made, { warnings, createdAt: at }), [], services.clock.monotonicMs());
      const event = { jobId: spec.id, issueId: null, type: 'job.started', at, data: { issues: spec.issues.length } };
      await store.write([...job.everything(), { kind: 'event', event }]);
      board.add(job);
    } catch (error) {
      await removeUnusedBranch(made, { board, logger: services.logger, repository: async () => located.repository });
      await loader.release(spec.id);
      throw error;
    } finally {
      this.#reserved -= spec.issues.length;
    }
    return true;
  }

  /** Counts the issues of a job that is being accepted, so that many at once cannot slip in together. */
  #reserve({ id, issues }: JobSpec, patient: boolean): void {
    const { board, scale } = this.#options;
    const { maxQueueDepth } = scale.currentLimits;
    const waiting = board.waiting + this.#reserved;
    if (waiting > 0 && waiting + issues.length > maxQueueDepth) {
      if (!patient) scale.recordRejection();
      const retryAfterMs = this.#retryAfterMs(waiting + issues.length - maxQueueDepth);
      const message = `${waiting} issues wait, and ${issues.length} more of ${id} would be past maxQueueDepth ${maxQueueDepth}`;
      throw harnessError('CAPACITY', `${message}: try again in ${retryAfterMs} ms`, { retryAfterMs });
    }
    this.#reserved += issues.length;
  }

  /** When so many sessions will have ended, by what was seen of late. */
  #retryAfterMs(surplus: number): number {
    const { throughputPerMinute } = this.#options.scale.getMetrics();
    const expected = throughputPerMinute > 0 ? (surplus / throughputPerMinute) * 60_000 : RETRY_AFTER_MS;
    return Math.ceil(Math.min(MAX_RETRY_AFTER_MS, Math.max(MIN_RETRY_AFTER_MS, expected)));
  }
}
