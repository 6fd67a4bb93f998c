import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { systemClock } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import { checkGitVersion } from './check-git-version.js';

export interface GitOptions {
  /** SIGTERM, on which git takes its lock files away; the call rejects with the reason of the signal when git has ended. */
  readonly signal?: AbortSignal;
  /** Written to its standard input. */
  readonly input?: string;
  /** Exit codes that are answers; any other rejects with `GIT_FAILED`. Default: 0 only. */
  readonly answers?: readonly number[];
  /** How much of the output is kept. Default 16 MiB. */
  readonly maxOutputBytes?: number;
  /**
   * What git keeps of the worktree at `folder`. Then neither its `.git` nor `core.worktree`, both of which an agent may change, leads git
   * to the files of somebody else.
   */
  readonly gitDir?: string;
  /** After so long it is ended like by an abort, and the call rejects with `GIT_FAILED`. Default 10 minutes. */
  readonly timeoutMs?: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether there was more than `maxOutputBytes`. */
  readonly truncated: boolean;
}

/**
 * Runs `git` in `folder` and waits for its end: the only place that starts it. Without a shell, prompts, hooks, signatures, a pager or
 * background work, in an environment of its own; whatever the repository or its user configured about these does not count.
 * `GIT_MISSING` without git or with one that is too old, `GIT_FAILED` with the words of git when it ends with an unexpected code.
 */
export async function runGit(folder: string, args: readonly string[], options: GitOptions = {}): Promise<GitOutput> {
  options.signal?.throwIfAborted();
  const env = { ...gitEnvironment(), ...options.env };
  await checkGitVersion(env);
  const output = await execute(['-C', folder, ...SETTINGS, ...worktreeSettings(folder, options), ...args], env, options);
  if (!(options.answers ?? [0]).includes(output.code)) throw gitFailed(folder, args, output);
  return output;
}

/** The name under which merges are made, and the commits of agents where nobody configured another. */
const IDENTITY = Object.freeze({ name: 'Bellows', email: 'bellows@localhost' });

/** For the processes of agents: without a name their commits fail where none is configured. Wins over a configured one. */
export const AGENT_GIT_ENV: Readonly<Record<string, string>> = Object.freeze({
  GIT_AUTHOR_NAME: IDENTITY.name,
  GIT_AUTHOR_EMAIL: IDENTITY.email,
  GIT_COMMITTER_NAME: IDENTITY.name,
  GIT_COMMITTER_EMAIL: IDENTITY.email,
  GIT_TERMINAL_PROMPT: '0',
});

/** The words of git in a `GIT_FAILED`, to tell what can be tried again. */
export function wordsOfGit(error: unknown): string {
  const data = (error as { data?: { stderr?: unknown } } | null)?.data;
  return typeof data?.stderr === 'string' ? data.stderr : '';
}

const SETTINGS = [
  '--no-pager',
  '--literal-pathspecs',
  ...[
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.quotePath=false',
    'commit.gpgSign=false',
    'gc.auto=0',
    'maintenance.auto=false',
    'i18n.commitEncoding=UTF-8',
    'advice.detachedHead=false',
    'advice.graftFileDeprecated=false',
    // what decides whether a file counts as changed must not be for an agent to choose
    'core.trustctime=true',
    'core.checkStat=default',
    'core.ignoreStat=false',
    'core.sparseCheckout=false',
    'core.splitIndex=false',
    // those of a worktree are not where git looks for them, so that it would fail
    'submodule.recurse=false',
  ].flatMap((setting) => ['-c', setting]),
];

/** Modes and links as they are in the commit, whatever the configuration that all worktrees share says. */
function worktreeSettings(folder: string, { gitDir }: GitOptions): readonly string[] {
  if (gitDir === undefined) return [];
  return [`--git-dir=${gitDir}`, `--work-tree=${folder}`, '-c', 'core.fileMode=true', '-c', 'core.symlinks=true'];
}

const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** A filter that waits for a network holds git, and with it everything behind. Checking out 50,000 files takes 3 s. */
const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** More of what git complains about helps nobody. */
const MAX_ERROR_BYTES = 8 * 1024;
const MAX_SHOWN_CHARACTERS = 1_000;

/** Without the GIT_* of the caller: one started from a hook would point git at another repository. */
function gitEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')) as [string, string][];
  return {
    ...Object.fromEntries(kept),
    ...AGENT_GIT_ENV,
    LC_ALL: 'C',
    GIT_OPTIONAL_LOCKS: '0',
    // history and files are what their hashes say, not what an agent put in their place
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_GRAFT_FILE: '/dev/null',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
    GIT_EDITOR: 'false',
  };
}

function execute(args: readonly string[], env: Readonly<Record<string, string>>, options: GitOptions): Promise<GitOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { env, stdio: 'pipe' });
    const stdout = new BoundedText(options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES);
    const stderr = new BoundedText(MAX_ERROR_BYTES);
    let ended: { readonly why: unknown } | null = null;
    const stop = (why: unknown) => {
      ended ??= { why };
      child.kill('SIGTERM');
    };
    const onAbort = () => stop(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const cancelTimer = systemClock.setTimer(timeoutMs, () => stop(harnessError('GIT_FAILED', `git did not end within ${timeoutMs} ms`)));
    feed(child, options.input);
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
    const end = (settle: () => void) => {
      options.signal?.removeEventListener('abort', onAbort);
      cancelTimer();
      settle();
    };
    child.on('error', (error) => {
      if (child.pid === undefined)
        end(() => reject(harnessError('GIT_FAILED', `git could not be started: ${error.message}`, { cause: error })));
    });
    // a filter that git started may keep the pipes open
    child.on('exit', () => {
      const { why } = ended ?? {};
      if (ended !== null) end(() => reject(why));
    });
    child.on('close', (code, signal) => {
      const lastWords = signal === null ? stderr.text() : `${stderr.text()}\nended by ${signal}`;
      end(() => resolve({ code: code ?? -1, stdout: stdout.text(), stderr: lastWords, truncated: stdout.truncated }));
    });
  });
}

function feed(child: ChildProcessWithoutNullStreams, input: string | undefined): void {
  // git may end before it has read everything; its exit code says what that means
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
}

class BoundedText {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  truncated = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Buffer): void {
    const room = this.#maxBytes - this.#bytes;
    if (chunk.length > room) this.truncated = true;
    if (room <= 0) return;
    const part = chunk.subarray(0, room);
    this.#chunks.push(part);
    this.#bytes += part.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

function gitFailed(folder: string, args: readonly string[], output: GitOutput) {
  const words = output.stderr.trim() === '' ? `it ended with code ${output.code}` : output.stderr.trim();
  const command = args.find((word) => !word.startsWith('-'));
  const message = `git ${command} failed in ${folder}: ${words.slice(0, MAX_SHOWN_CHARACTERS)}`;
  return harnessError('GIT_FAILED', message, { data: { code: output.code, stderr: output.stderr } });
}
