import path from 'node:path';
import { messageOf } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { ScaleManager } from '../scaling/scale-manager.js';
import type { Worker } from '../scaling/worker.js';
import type { WorkerPool } from '../scaling/worker-pool.js';
import { AttemptPauses } from './attempt-pauses.js';
import type { DurableChanges } from './durable-changes.js';
import { type HarnessServices, logFolder } from './harness-services.js';
import { removeIssueFiles } from './issue-files.js';
import type { JobBoard } from './job-board.js';
import type { Change } from './job-changes.js';
import type { LiveIssue, LiveJob } from './live-job.js';
import { newSessionId, newSessionRecord } from './new-session-record.js';
import { type FailedSession, Session, type SessionJournal, type SessionResult } from './session.js';
import type { EndCause, IRepository } from './session-contracts.js';
import { sessionLogs } from './session-logs.js';
import type { SessionRecord } from './stored-records.js';
import { removeUnusedBranch } from './unused-branch.js';
import type { Verifier } from './verifier.js';

/** A session whose processes cannot be ended is given up so long after they should have been: the kernel holds them. */
const FENCE_MS = 30_000;
/** `displayMetrics` after so many sessions. (Seed 001.) */
const DISPLAY_EVERY = 5;

export interface SessionRunnerOptions {
  readonly services: HarnessServices;
  readonly board: JobBoard;
  readonly pool: WorkerPool;
  readonly scale: ScaleManager;
  readonly verifier: Verifier;
  readonly changes: DurableChanges;
  /** Whether metrics are shown every so many sessions. */
  readonly displaysMetrics: boolean;
  readonly observer: SessionObserver | undefined;
  repositoryOf(job: LiveJob): Promise<IRepository>;
  /** Called when the job's last change is durable, or never will be: then the store says what is. */
  onJobEnded(job: LiveJob): void;
}

/** Hears of every session. */
export interface SessionObserver {
  /** `running`: how many workers are busy now, this one included. */
  onSessionStart(running: number): void;
  /** Not for sessions that were cut off. */
  onSessionEnd(durationMs: number, landed: boolean): void;
}

/** Hands ready issues to idle workers and keeps what becomes of them; sessions run side by side. */
export class SessionRunner {
  readonly #options: SessionRunnerOptions;
  readonly #running = new Map<string, Running>();
  readonly #stopping = new AbortController();
  /** Of jobs, under way; none rejects. */
  readonly #endings = new Set<Promise<void>>();
  readonly #pauses: AttemptPauses;
  #cleaning = 0;
  #ended = 0;

  constructor(options: SessionRunnerOptions) {
    this.#options = options;
    this.#pauses = new AttemptPauses(options.services);
  }

  /** Verified work that waits to land. */
  get depth(): number {
    return [...this.#running.values()].filter(({ settled, live }) => !settled && live.record.status === 'landing').length;
  }

  /** Begins as many sessions as there are idle workers and ready issues. Never waits for one. Nothing after `stop`. */
  dispatch(): void {
    const { board, pool, scale, services } = this.#options;
    // a worker that must go is not to be given work first
    scale.fit();
    while (!this.#stopping.signal.aborted) {
      const worker = pool.getAvailableWorker();
      const next = worker === undefined ? null : board.take();
      if (worker === undefined || next === null) break;
      scale.recordWait(services.clock.monotonicMs() - next.live.readySinceMs);
      this.#begin(worker, next.job, next.live);
    }
    scale.refresh();
  }

  /** Ends the sessions of a job; resolves when their outcome is kept. */
  async endJob(jobId: string): Promise<void> {
    await this.#end('cancelled', (running) => running.job.id === jobId);
  }

  /** Ends every session and gives its issue back; nothing is begun any more. Twice is fine. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the harness is being stopped'));
    await this.#end('stopped', () => true);
    await Promise.all(this.#endings);
    this.#pauses.stop();
  }

  async #end(cause: Exclude<EndCause, 'exit'>, isMeant: (running: Running) => boolean): Promise<void> {
    const meant = [...this.#running.values()].filter(isMeant);
    await Promise.all(meant.map(({ session }) => session.end(cause)));
    await Promise.all(meant.map(({ done }) => done));
  }

  #begin(worker: Worker, job: LiveJob, live: LiveIssue): void {
    const { services, scale } = this.#options;
    const id = newSessionId(live, services.random.next());
    const record = newSessionRecord({ job, live, id, since: services.clock.now() });
    const session = new Session({
      id,
      spec: job.spec,
      issue: live.issue,
      attempt: live.record.attempts,
      lastFailure: live.record.failure,
      journal: this.#journal(id),
      // it goes on with what it began with
      tools: { ...services, config: services.settings.current, env: services.agentEnv, verifier: this.#options.verifier },
      issueFolder: path.join(services.dataDir, 'issues', id),
      logs: sessionLogs(logFolder(services, job.id), live.record),
    });
    const startedAtMs = services.clock.monotonicMs();
    const running: Running = { session, worker, job, live, record, startedAtMs, settled: false, done: Promise.resolve() };
    this.#running.set(id, running);
    const { issueId } = session;
    worker.claim({ id, issueId, evidence: () => session.evidence(), endStalled: () => this.#endStalled(running) });
    this.#options.observer?.onSessionStart(this.#options.pool.getMetrics().workingWorkers);
    scale.recordSessionStart(worker.id, id);
    running.done = this.#run(running).catch((error: unknown) => {
      services.logger.error('A session was left as it is', { session: id, error: messageOf(error) });
    });
  }

  async #run(running: Running): Promise<void> {
    const { job, live, session, record } = running;
    const { changes } = this.#options;
    try {
      await changes.keep([
        job.changeOf(live),
        { kind: 'session', record },
        this.#event(running, 'issue.started', { attempt: live.record.attempts }),
      ]);
      const result = await session.run(() => this.#options.repositoryOf(job));
      await this.#settle(running, result);
    } catch (error) {
      this.#giveUp(running, error);
      throw error;
    } finally {
      await this.#cleanUp(running);
    }
  }

  /** The worker goes on meanwhile; unless cleaning up is slower than the work, and folders would pile up. */
  async #cleanUp(running: Running): Promise<void> {
    const { pool } = this.#options;
    this.#cleaning += 1;
    if (this.#cleaning <= pool.getMetrics().totalWorkers) this.#release(running);
    else this.dispatch();
    try {
      await this.#tidyUp(running);
    } finally {
      this.#cleaning -= 1;
      this.#running.delete(running.session.id);
      this.#release(running);
      void this.#endJobIfDone(running.job);
    }
  }

  /** Keeps the outcome. Only the first of a session counts: what comes after it was given up is refused. */
  async #settle(running: Running, result: SessionResult): Promise<void> {
    if (running.settled) return;
    if (result.outcome === 'failed') await this.#pauseAfter(running, result);
    if (running.settled) return;
    running.settled = true;
    const { job, session, worker } = running;
    const { scale, services, changes } = this.#options;
    if (result.outcome === 'interrupted') scale.forgetSession(worker.id, session.id);
    else scale.recordSessionComplete(worker.id, session.id, result.outcome === 'landed');
    const event = this.#event(running, `issue.${result.outcome}`, { ...result });
    await changes.keep([...this.#apply(running, result), event]);
    services.logger.info('A session ended', { job: job.id, issue: session.issueId, outcome: result.outcome });
    if (result.outcome === 'interrupted') return;
    this.#options.observer?.onSessionEnd(services.clock.monotonicMs() - running.startedAtMs, result.outcome === 'landed');
    this.#display();
  }

  /** What cannot be written, now or ever, must not stay under way: those who wait for its job would wait for ever. */
  #giveUp(running: Running, error: unknown): void {
    if (running.settled || this.#stopping.signal.aborted) return;
    running.settled = true;
    this.#options.scale.recordSessionComplete(running.worker.id, running.session.id, false);
    this.#apply(running, { outcome: 'failed', failure: { reason: 'workspace_failed', message: messageOf(error) } });
  }

  #apply({ job, live }: Running, result: SessionResult): readonly Change[] {
    const { clock } = this.#options.services;
    const moment = { at: clock.now(), nowMs: clock.monotonicMs() };
    if (result.outcome === 'landed') return job.land(live, result.commit, moment);
    if (result.outcome === 'failed') return job.fail(live, result.failure, { ...moment, maxAttempts: this.#attemptsFor(result) });
    return job.giveBack(live, moment);
  }

  /** A program that cannot be started will not be at the next attempt either, unless the machine only had no room for it. */
  #attemptsFor({ failure, mayPass }: FailedSession): number {
    return failure.reason === 'agent_not_started' && mayPass !== true ? 1 : this.#options.services.settings.current.maxAttempts;
  }

  async #pauseAfter({ job, live, startedAtMs }: Running, result: FailedSession): Promise<void> {
    const { attempts } = live.record;
    const pauseMs = this.#pauses.pauseMs({ jobId: job.id, reason: result.failure.reason, attempts, startedAtMs });
    if (pauseMs === 0 || attempts >= this.#attemptsFor(result)) return;
    await this.#options.services.clock.sleep(pauseMs, this.#stopping.signal).catch(() => {});
  }

  /** Ends its processes, or gives it up when that takes too long; then its issue goes back. */
  async #endStalled(running: Running): Promise<void> {
    const { clock, settings } = this.#options.services;
    const { killGraceMs } = settings.current;
    const giveUp = new AbortController();
    const fence = clock.sleep(killGraceMs + FENCE_MS, giveUp.signal).catch(() => {});
    await Promise.race([running.session.end('stalled').then(() => running.done), fence]);
    giveUp.abort();
    const message = `The agent stalled, and its processes could not be ended within ${killGraceMs + FENCE_MS} ms`;
    if (running.settled) return;
    this.#running.delete(running.session.id);
    await this.#settle(running, { outcome: 'failed', failure: { reason: 'stalled', message } });
    this.#release(running);
    void this.#endJobIfDone(running.job);
  }

  /** The workspace goes whatever happened; a record that stays is tidied up by the next start. */
  async #tidyUp({ session, job }: Running): Promise<void> {
    const { services, changes } = this.#options;
    try {
      if (session.workspace !== null) await services.workspaces.remove(await this.#options.repositoryOf(job), session.workspace);
      await removeIssueFiles(path.join(services.dataDir, 'issues', session.id));
      await changes.keep([{ kind: 'session_gone', id: session.id }]);
    } catch (error) {
      services.logger.warn('A workspace could not be removed; it is tried again at the next start', {
        session: session.id,
        error: messageOf(error),
      });
    }
  }

  /** Frees the worker for the next issue. Twice is fine. */
  #release({ worker, session }: Running): void {
    const { session: present } = worker;
    if (present?.id === session.id) worker.release(present);
    this.dispatch();
  }

  /** Not before everything its sessions left is gone. */
  async #endJobIfDone(job: LiveJob): Promise<void> {
    if ([...this.#running.values()].some((running) => running.job === job)) return;
    const at = this.#options.services.clock.now();
    const ended = job.endIfDone(at);
    if (ended.length === 0) return;
    this.#pauses.forget(job.id);
    const ending = this.#keepEnd(job, ended, at).finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
    await ending;
  }

  async #keepEnd(job: LiveJob, ended: readonly Change[], at: number): Promise<void> {
    const { services, board, repositoryOf } = this.#options;
    if (job.issues.every(({ record }) => record.status !== 'landed')) {
      await removeUnusedBranch(job.spec, { board, logger: services.logger, repository: () => repositoryOf(job) });
    }
    const event = { jobId: job.id, issueId: null, type: 'job.ended', at, data: { status: job.record.status } };
    try {
      await this.#options.changes.keep([...ended, { kind: 'event', event }]);
    } catch (error) {
      services.logger.error('The end of a job could not be written', { job: job.id, error: messageOf(error) });
    }
    this.#options.onJobEnded(job);
  }

  /** Ends it where nothing of it runs: cancelled while all of it waited, or loaded with all of its issues ended. */
  settleJob(job: LiveJob): Promise<void> {
    return this.#endJobIfDone(job);
  }

  #journal(id: string): SessionJournal {
    const update = async (fields: Partial<SessionRecord>, more: (running: Running) => readonly Change[] = () => []) => {
      const running = this.#running.get(id);
      if (running === undefined || running.settled) {
        throw harnessError('JOB_CANCELLED', `The session ${id} was given up: what it does now is refused`);
      }
      running.record = { ...running.record, ...fields };
      await this.#options.changes.keep([{ kind: 'session', record: running.record }, ...more(running)]);
    };
    return {
      onWorkspace: ({ path: workspacePath, base }) => update({ workspacePath, base }),
      onProcess: (identity) => update({ process: identity }),
      onPhase: (phase) => update({}, ({ job, live }) => job.advance(live, phase)),
      onCandidate: (candidate) => update({ candidate }),
    };
  }

  #event({ job, live }: Running, type: string, data: Readonly<Record<string, unknown>>): Change {
    const { clock } = this.#options.services;
    return { kind: 'event', event: { jobId: job.id, issueId: live.issue.id, type, at: clock.now(), data } };
  }

  #display(): void {
    this.#ended += 1;
    if (this.#options.displaysMetrics && this.#ended % DISPLAY_EVERY === 0) this.#options.scale.displayMetrics();
  }
}

interface Running {
  readonly session: Session;
  readonly worker: Worker;
  readonly job: LiveJob;
  readonly live: LiveIssue;
  readonly startedAtMs: number;
  record: SessionRecord;
  /** Its outcome is decided. */
  settled: boolean;
  /** When it is tidied up; never rejects. */
  done: Promise<void>;
}
