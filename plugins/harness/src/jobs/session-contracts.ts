import type { Evidence } from '../scaling/judge-stall.js';

/** A working copy of its own for one session. */
export interface Workspace {
  /** Absolute. */
  readonly path: string;
  /** Unique among all hosts that use the repository; also the name of its branch below `bellows/work/`. */
  readonly name: string;
  /** The commit it began at. */
  readonly base: string;
}

/** A repository that exists and can be worked on. */
export interface IRepository {
  /** Top folder: absolute, links resolved. */
  readonly path: string;
  /** What all its worktrees share. */
  readonly commonDir: string;
  /** The commit of a branch, tag or hash; null when there is none. */
  commitOf(revision: string): Promise<string | null>;
  /** The commit of `branch`; makes it at `HEAD` when missing. `REPO_EMPTY` without any commit, `BRANCH_INVALID` for a bad name. */
  ensureBranch(branch: string): Promise<string>;
  /** Removes `branch` if it still is at `commit` and no worktree has it; answers whether it did. Never loses a commit of somebody else. */
  removeBranch(branch: string, commit: string): Promise<boolean>;
  /** Folder of the worktree that has `branch` checked out; null when none has. */
  checkedOutAt(branch: string): Promise<string | null>;
  /** Tracked files that differ from HEAD in the worktree at `folder` (default: the top folder), at most 100. */
  changedFiles(folder?: string): Promise<readonly string[]>;
}

export interface Inspection {
  /** Descends from the base of the workspace, or is it. */
  readonly commit: string;
  /** Of the commit. */
  readonly tree: string;
  /** Why there may be no commit: files that were changed and not committed (tracked and untracked; ignored ones do not count). Looked for only while `commit` is the base. */
  readonly uncommitted: readonly string[];
}

export interface IWorkspaces {
  /**
   * Makes a workspace at `base` on its own branch. Any number at once, also by other hosts: never fails for that.
   * Nothing is left behind when it rejects (`WORKSPACE_FAILED`).
   */
  create(
    repository: IRepository,
    options: { readonly name: string; readonly base: string; readonly signal?: AbortSignal },
  ): Promise<Workspace>;
  /** What the agent left. */
  inspect(workspace: Workspace, signal?: AbortSignal): Promise<Inspection>;
  /** Puts the files of `commit` into the workspace; removes everything else but ignored files. */
  reset(workspace: Workspace, commit: string, signal?: AbortSignal): Promise<void>;
  /** Removes folder, registration and branch. Silent when they are gone; concurrent calls are fine. */
  remove(repository: IRepository, workspace: Pick<Workspace, 'path' | 'name'>): Promise<void>;
  /** Removes every workspace of this host for `repository` that is not in `keep` and was not made since the start; answers their names. */
  sweep(repository: IRepository, keep: ReadonlySet<string>): Promise<readonly string[]>;
}

export interface Verdict {
  readonly passed: boolean;
  /** For people: exit code or signal and the last lines of the output. */
  readonly message: string;
}

export type LandingResult =
  | { readonly outcome: 'landed'; readonly commit: string }
  | { readonly outcome: 'conflict'; readonly files: readonly string[] }
  | { readonly outcome: 'rejected'; readonly verdict: Verdict };

export interface LandingRequest {
  readonly repository: IRepository;
  readonly branch: string;
  readonly workspace: Workspace;
  /** Verified on its own already; descends from the base of the workspace, as `inspect` saw. */
  readonly commit: string;
  /** Of the commit. */
  readonly tree: string;
  /** Subject and body of the merge commit; trailers `Bellows-Job` and `Bellows-Issue` are in it. */
  readonly message: string;
  readonly landOnCheckedOut: boolean;
  /** Names what `verify` runs. Passing verdicts are remembered per name and tree; without a name none is. */
  readonly verifier?: string;
  /** Called with the merged commit checked out in the workspace when its tree is not one that passed before. */
  verify(tree: string): Promise<Verdict>;
  /** Called with the merge commit before the branch moves, to be able to tell after a crash whether it landed. */
  onCandidate(commit: string): Promise<void> | void;
  readonly signal?: AbortSignal;
}

export interface ILanding {
  /** One at a time per repository and branch, in order; compare-and-swap on the ref, so that other hosts and people never lose a commit. */
  land(request: LandingRequest): Promise<LandingResult>;
  /** Whether `commit` is on `branch`: what a restart asks about a landing that was under way. */
  hasLanded(repository: IRepository, branch: string, commit: string): Promise<boolean>;
}

/** Which process it was, told apart from a later one with the same number by when it began. */
export interface ProcessIdentity {
  readonly pid: number;
  /** `starttime` of /proc/<pid>/stat in clock ticks since boot, with the boot id; elsewhere what `ps -o lstart` prints. */
  readonly startedAt: string;
}

export interface CommandSpec {
  /** Names the session in the environment (`BELLOWS_SESSION`), by which stray descendants are found. */
  readonly sessionId: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Everything it writes, cut in the middle to `maxOutputBytes`. */
  readonly logFile: string;
  readonly maxOutputBytes: number;
  /** Time from SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** Where its progress shows; without it the session's only progress is its start. */
  readonly progress?: ProgressSigns;
}

export interface ProgressSigns {
  /** Files that change with every step: of the worktree's git folder `HEAD`, `index` and `logs/HEAD`. They need not exist. */
  readonly files: readonly string[];
  /**
   * A word for the state of the files of the workspace: '' while they are as they were at the start, else it should change with their
   * content. Dear, so it is asked only after `digestAfterMs` without other progress, never twice at once. May reject: no progress then.
   */
  readonly digest?: () => Promise<string>;
  /** Half the time after which a session counts as stalled. Default: half of ten minutes. */
  readonly digestAfterMs?: number;
}

export type EndCause = 'exit' | 'stalled' | 'timed_out' | 'cancelled' | 'stopped';

export interface CommandEnd {
  /** Why it ended: by itself, or because `end` was called with that cause. */
  readonly cause: EndCause;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly durationMs: number;
  /** The last 4 KiB of its output, printable. */
  readonly tail: string;
  /** Why the log is not whole (a disk that is full, a folder that may not be written); missing when it is. */
  readonly logFault?: string;
}

/** A child process with all its descendants. */
export interface ICommand {
  readonly identity: ProcessIdentity;
  /** When the whole group has ended and its output is read; never rejects. */
  readonly ended: Promise<CommandEnd>;
  /** What is known of its life and progress now; see `judgeStall`. */
  evidence(): Promise<Evidence>;
  /** SIGTERM, after `graceMs` SIGKILL to the group and to descendants that left it. Resolves when none is left. Twice: the first cause counts. */
  end(cause: Exclude<EndCause, 'exit'>): Promise<void>;
}

export interface ICommands {
  /** Rejects with `COMMAND_NOT_STARTED` when there is no such program or it may not be run. */
  start(spec: CommandSpec): Promise<ICommand>;
  /** Ends what an earlier host left: the process, if it is still the same one, its group, and whatever carries the session in its environment. Answers how many it ended. */
  endOrphan(identity: ProcessIdentity | null, sessionId: string): Promise<number>;
}
