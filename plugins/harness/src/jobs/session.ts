import { type IClock, isBellowsError, messageOf } from '@bellows/sdk';
import type { HarnessConfig } from '../config.js';
import type { Evidence } from '../scaling/judge-stall.js';
import type { WorkerSession } from '../scaling/worker.js';
import { writeIssueFiles } from './issue-files.js';
import type { AttemptFailure, FailureReason, Issue, JobSpec } from './job-records.js';
import type {
  CommandEnd,
  EndCause,
  ICommand,
  ICommands,
  ILanding,
  IRepository,
  IWorkspaces,
  LandingResult,
  ProcessIdentity,
  ProgressSigns,
  Verdict,
  Workspace,
} from './session-contracts.js';
import type { SessionLogs } from './session-logs.js';
import type { Verifier } from './verifier.js';

/** How a session ended: `interrupted` is neither success nor failure, somebody stopped it. */
export type SessionResult = { readonly outcome: 'landed'; readonly commit: string } | FailedSession | { readonly outcome: 'interrupted' };

export interface FailedSession {
  readonly outcome: 'failed';
  readonly failure: AttemptFailure;
  /** An agent was not started for want of something that the machine may have again soon. */
  readonly mayPass?: boolean;
}

/** Told before each step is done; the step is done when the promise resolves, and not when it rejects. */
export interface SessionJournal {
  onWorkspace(workspace: Workspace): Promise<void>;
  onProcess(identity: ProcessIdentity): Promise<void>;
  onPhase(phase: 'verifying' | 'landing'): Promise<void>;
  onCandidate(commit: string): Promise<void>;
}

export interface SessionTools {
  readonly clock: IClock;
  readonly config: Pick<HarnessConfig, 'sessionTimeoutMs' | 'maxOutputBytes' | 'killGraceMs' | 'scale'>;
  readonly commands: ICommands;
  readonly workspaces: IWorkspaces;
  readonly landing: ILanding;
  readonly verifier: Verifier;
  /** Environment of every command in a workspace. */
  readonly env: Readonly<Record<string, string>>;
  progressOf(workspace: Workspace): Promise<ProgressSigns>;
}

export interface SessionOptions {
  readonly id: string;
  readonly spec: JobSpec;
  readonly issue: Issue;
  readonly attempt: number;
  readonly lastFailure: AttemptFailure | null;
  readonly journal: SessionJournal;
  readonly tools: SessionTools;
  /** For the files that tell the agent what to do. */
  readonly issueFolder: string;
  readonly logs: SessionLogs;
}

/** What goes wrong in a step that throws. */
type Step = Extract<FailureReason, 'workspace_failed' | 'agent_not_started' | 'agent_failed' | 'verification_failed' | 'landing_failed'>;

/**
 * One attempt at one issue:
 *
 * ```text
 *   workspace ─→ issue files ─→ agent ─→ inspect ─→ verify ─→ land
 *       └────────────┴───────────┴─────────┴─────────┴────────┴─→ failed | interrupted
 * ```
 *
 * The workspace is left to the caller to remove: it must go whatever happens here.
 */
export class Session implements WorkerSession {
  readonly id: string;
  readonly issueId: string;
  readonly #options: SessionOptions;
  readonly #aborter = new AbortController();
  #cause: Exclude<EndCause, 'exit'> | null = null;
  #agent: ICommand | null = null;
  #step: Step = 'workspace_failed';
  #candidate: string | null = null;
  #workspace: Workspace | null = null;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.issueId = options.issue.id;
    this.#options = options;
  }

  /** To be removed afterwards; null when none was made. */
  get workspace(): Workspace | null {
    return this.#workspace;
  }

  /** Once. Never rejects. */
  async run(repository: () => Promise<IRepository>): Promise<SessionResult> {
    try {
      return await this.#run(await repository());
    } catch (error) {
      if (this.#cause === 'stopped' || this.#cause === 'cancelled') return { outcome: 'interrupted' };
      if (this.#cause !== null) return failed(this.#cause, this.#whyEnded(this.#cause));
      return { ...failed(this.#step, messageOf(error)), ...(mayPass(error) ? { mayPass: true } : {}) };
    }
  }

  /** Ends it wherever it is; resolves when the agent's processes have ended. Twice: the first cause counts. */
  async end(cause: Exclude<EndCause, 'exit'>): Promise<void> {
    this.#cause ??= cause;
    this.#aborter.abort(new Error(`the session was ended: ${this.#cause}`));
    await this.#agent?.end(this.#cause);
  }

  endStalled(): Promise<void> {
    return this.end('stalled');
  }

  /** Only an agent can stall: everything else has a time-out of its own. */
  async evidence(): Promise<Evidence> {
    return (await this.#agent?.evidence()) ?? { progressAgeMs: 0, lifeAgeMs: 0 };
  }

  async #run(repository: IRepository): Promise<SessionResult> {
    const { tools, spec, journal } = this.#options;
    const base = await repository.ensureBranch(spec.branch);
    this.#aborter.signal.throwIfAborted();
    const workspace = await tools.workspaces.create(repository, { name: this.id, base, signal: this.#aborter.signal });
    this.#workspace = workspace;
    await journal.onWorkspace(workspace);
    const failure = await this.#runAgent(workspace);
    if (failure !== null) return failure;
    const { commit, tree, uncommitted } = await tools.workspaces.inspect(workspace, this.#aborter.signal);
    if (commit === base) return noCommit(uncommitted);
    await this.#enter('verification_failed', 'verifying');
    await tools.workspaces.reset(workspace, commit, this.#aborter.signal);
    const verdict = await this.#verify(workspace, tree);
    if (!verdict.passed) return failed('verification_failed', verdict.message);
    await this.#enter('landing_failed', 'landing');
    return this.#land(repository, workspace, { commit, tree });
  }

  async #enter(step: Step, phase: 'verifying' | 'landing'): Promise<void> {
    this.#step = step;
    this.#aborter.signal.throwIfAborted();
    await this.#options.journal.onPhase(phase);
  }

  /** Null when the agent ended well. */
  async #runAgent(workspace: Workspace): Promise<SessionResult | null> {
    const { tools, spec, issue, attempt, lastFailure, journal, issueFolder, logs } = this.#options;
    const { sessionTimeoutMs, maxOutputBytes, killGraceMs } = tools.config;
    const told = await writeIssueFiles(issueFolder, { issue, attempt, lastFailure, workspace: workspace.path });
    const progress = await tools.progressOf(workspace);
    this.#aborter.signal.throwIfAborted();
    this.#step = 'agent_not_started';
    const agent = await tools.commands.start({
      sessionId: this.id,
      command: spec.agent.command,
      cwd: workspace.path,
      env: { ...tools.env, ...told },
      logFile: logs.agent,
      maxOutputBytes,
      graceMs: killGraceMs,
      progress,
    });
    this.#step = 'agent_failed';
    this.#agent = agent;
    // its outcome is in `ended`, which is awaited
    const cancelTimer = tools.clock.setTimer(sessionTimeoutMs, () => this.end('timed_out').catch(() => {}));
    try {
      // ended while it was being started
      if (this.#cause !== null) await agent.end(this.#cause);
      await journal.onProcess(agent.identity);
      return this.#judge(await agent.ended);
    } catch (error) {
      await agent.end('stopped');
      throw error;
    } finally {
      this.#agent = null;
      cancelTimer();
    }
  }

  #judge({ cause, exitCode, signal, tail }: CommandEnd): SessionResult | null {
    const by = this.#cause ?? cause;
    if (by === 'stopped' || by === 'cancelled') return { outcome: 'interrupted' };
    if (by !== 'exit') return failed(by, withTail(this.#whyEnded(by), tail));
    if (exitCode === 0) return null;
    const how = exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
    return failed('agent_failed', withTail(`The agent ${how}`, tail));
  }

  #whyEnded(cause: 'stalled' | 'timed_out'): string {
    const { sessionTimeoutMs, scale } = this.#options.tools.config;
    if (cause === 'timed_out') return `The agent did not end within sessionTimeoutMs, ${sessionTimeoutMs} ms`;
    return `The agent made no progress for longer than workerStallTimeoutMs, ${scale.workerStallTimeoutMs} ms, and was ended`;
  }

  #verify(workspace: Workspace, tree: string, holdsTheBranch = false): Promise<Verdict> {
    const { tools, spec, logs } = this.#options;
    return tools.verifier.verify({
      sessionId: this.id,
      repo: spec.repo,
      tree,
      command: spec.verify,
      cwd: workspace.path,
      env: { ...tools.env, BELLOWS_WORKSPACE: workspace.path },
      logFile: logs.verify,
      signal: this.#aborter.signal,
      holdsTheBranch,
    });
  }

  async #land(
    repository: IRepository,
    workspace: Workspace,
    work: { readonly commit: string; readonly tree: string },
  ): Promise<SessionResult> {
    const { tools, spec, issue, journal } = this.#options;
    const { branch, landOnCheckedOut } = spec;
    try {
      const result = await tools.landing.land({
        repository,
        branch,
        workspace,
        ...work,
        message: landingMessage(spec, issue),
        landOnCheckedOut,
        verify: (tree) => this.#verify(workspace, tree, true),
        onCandidate: async (candidate) => {
          this.#candidate = candidate;
          await journal.onCandidate(candidate);
        },
        signal: this.#aborter.signal,
      });
      return resultOf(result);
    } catch (error) {
      // what is on the branch has landed, whatever went wrong after it
      const landed = this.#candidate;
      if (landed !== null && (await tools.landing.hasLanded(repository, branch, landed))) return { outcome: 'landed', commit: landed };
      throw error;
    }
  }
}

function resultOf(result: LandingResult): SessionResult {
  if (result.outcome === 'landed') return result;
  if (result.outcome === 'rejected') return failed('verification_failed', `Together with what landed before: ${result.verdict.message}`);
  return failed('conflict', `What landed meanwhile changes the same places in ${result.files.join(', ')}`);
}

function noCommit(uncommitted: readonly string[]): SessionResult {
  const left = uncommitted.length === 0 ? 'and changed nothing' : `but left uncommitted changes in ${uncommitted.slice(0, 10).join(', ')}`;
  return failed('no_commit', `The agent ended with exit code 0 without a commit, ${left}: it must commit its work`);
}

/** Processes, files or memory that others use up at this moment, or a file that is being written. (errno) */
const MAY_PASS: ReadonlySet<unknown> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ETXTBSY']);

function mayPass(error: unknown): boolean {
  return isBellowsError(error) && error.code === 'COMMAND_NOT_STARTED' && MAY_PASS.has(error.data?.reason);
}

function failed(reason: FailureReason, message: string): FailedSession {
  return { outcome: 'failed', failure: { reason, message } };
}

function withTail(message: string, tail: string): string {
  return tail.trim() === '' ? message : `${message}. Its last output:\n${tail.trim()}`;
}

/** A title may be a novel; the whole of it is in the report. */
const MAX_SUBJECT_CHARS = 200;

function landingMessage({ id }: JobSpec, issue: Issue): string {
  const title = issue.title.replaceAll(/\s+/g, ' ').trim();
  const subject = title.length > MAX_SUBJECT_CHARS ? `${title.slice(0, MAX_SUBJECT_CHARS - 1)}…` : title;
  return `${subject}\n\nBellows-Job: ${id}\nBellows-Issue: ${issue.id}\n`;
}
