import { backoffMs, CrashLog, DEFAULT_BACKOFF, type IClock, type ILogger, type IRandom, RestartLaw, type RestartPace } from '@bellows/sdk';
import type { FailureReason } from './job-records.js';

/** What the machine or the repository did, not the agent: a pause may help. */
const PAUSE_AFTER: ReadonlySet<FailureReason> = new Set(['workspace_failed', 'agent_not_started', 'landing_failed']);
/** Agents that fail so often are not at odds with their issues: their provider is away, or their command is wrong. */
const AGENT_INTENSITY = Object.freeze({ maxRestarts: 10, maxSeconds: 60 });

export interface AttemptPausesOptions {
  readonly clock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
}

export interface FailedAttempt {
  readonly jobId: string;
  readonly reason: FailureReason;
  /** Of its issue, so far. */
  readonly attempts: number;
  /** `IClock.monotonicMs`. */
  readonly startedAtMs: number;
}

/**
 * How long to wait before an issue is tried again. How often it is tried is not decided here: `maxAttempts` is durable, and ends it.
 * Agents of one job share a budget as the children of a supervisor do: within it they are tried again at once, beyond it after growing
 * pauses. It is forgotten with the process.
 */
export class AttemptPauses {
  readonly #options: AttemptPausesOptions;
  readonly #jobs = new Map<string, { readonly law: RestartLaw; readonly pace: RestartPace }>();
  readonly #storms: CrashLog;

  constructor(options: AttemptPausesOptions) {
    this.#options = options;
    this.#storms = new CrashLog(options);
  }

  /** To be called once for each failed attempt; it counts. 0: at once. */
  pauseMs({ jobId, reason, attempts, startedAtMs }: FailedAttempt): number {
    const { clock, random } = this.#options;
    if (PAUSE_AFTER.has(reason)) return backoffMs(attempts, random);
    if (reason !== 'agent_failed') return 0;
    const { law, pace } = this.#of(jobId);
    pace.upSinceMs = startedAtMs;
    const pauseMs = law.next(pace, clock.monotonicMs()) ?? 0;
    if (pauseMs > 0) this.#storms.write(jobId, 'The agents of a job fail one after the other: attempts are spaced out', { job: jobId });
    return pauseMs;
  }

  /** The job has ended. */
  forget(jobId: string): void {
    this.#jobs.delete(jobId);
  }

  /** Tells what was only counted. */
  stop(): void {
    this.#storms.flush();
  }

  #of(jobId: string) {
    let job = this.#jobs.get(jobId);
    if (job === undefined) {
      const law = new RestartLaw({
        intensity: AGENT_INTENSITY,
        backoff: { ...DEFAULT_BACKOFF, applies: 'beyond-intensity' },
        random: this.#options.random,
      });
      job = { law, pace: { upSinceMs: null, pauses: 0 } };
      this.#jobs.set(jobId, job);
    }
    return job;
  }
}
