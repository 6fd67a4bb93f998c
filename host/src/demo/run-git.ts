import { spawn } from 'node:child_process';
import { CancelledError, ConfigError, messageOf } from '@bellows/sdk';

export interface GitSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends git; the call then rejects with `CancelledError` (`INTERRUPTED`). */
  readonly signal: AbortSignal;
}

export interface GitCommand {
  readonly folder: string;
  readonly args: readonly string[];
  /** Written to its standard input. */
  readonly input?: string;
}

/** What git says of a failure. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
}

/** More would not fit into memory beside what else is done; nothing here comes near to it. */
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;
/** The first line mostly says it; a full disk has git say it of every file. */
const SHOWN_ERROR_LINES = 2;
/** No hooks of anybody and no watcher of files, which stays, no clean-up in the background that would outlive the call, no signatures that ask for a passphrase. */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'log.showSignature=false',
].flatMap((setting) => ['-c', setting]);
/** Set in hooks of git and what they start: they would lead to another repository. */
const OF_A_REPOSITORY = /^GIT_(?!SSH|TRACE|CONFIG_(COUNT|KEY|VALUE|GLOBAL|SYSTEM|NOSYSTEM)|EXEC_PATH|CEILING)/;

/**
 * Runs git to its end and answers what it printed. Never writes into a repository that is only read (`GIT_OPTIONAL_LOCKS`), never asks.
 * `ConfigError` (`DEMO_GIT_MISSING`) without git; `GitFailure` with its words when it fails.
 */
export async function runGit({ folder, args, input = '' }: GitCommand, { env, signal }: GitSurroundings): Promise<Buffer> {
  if (signal.aborted) throw interrupted();
  const child = spawn('git', ['-C', folder, ...SETTINGS, ...args], { env: gitEnvironment(env), stdio: ['pipe', 'pipe', 'pipe'] });
  const exit = ended(child);
  // it is awaited below; when what git printed cannot be read, only afterwards
  exit.catch(() => {});
  const end = () => {
    child.kill('SIGTERM');
    // what git has started may hold them open
    child.stdout.destroy();
    child.stderr.destroy();
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    // it may end without reading
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const [stdout, stderr, code] = await Promise.all([collected(child.stdout), collected(child.stderr), exit]);
    if (signal.aborted) throw interrupted();
    if (code === 0) return stdout;
    const words = stderr.toString().trim().split('\n').slice(0, SHOWN_ERROR_LINES).join(', ');
    throw new GitFailure(words || `git ${args[0]} ended with ${code}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw gitMissing(error);
    // its output may have been too much; then it still runs
    end();
    if (!signal.aborted) throw error;
    await exit;
    throw interrupted();
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** The environment of git and of whatever runs git for the demo. */
export function gitEnvironment(env: GitSurroundings['env']): Record<string, string> {
  const kept = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !OF_A_REPOSITORY.test(entry[0]));
  // large files that are kept elsewhere would be fetched from there
  return { ...Object.fromEntries(kept), GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_LFS_SKIP_SMUDGE: '1' };
}

export function interrupted(): CancelledError {
  return new CancelledError('INTERRUPTED', 'The demo was interrupted.');
}

async function collected(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > MAX_OUTPUT_BYTES) throw new GitFailure('git answered with more than can be held');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function ended(child: ReturnType<typeof spawn>): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
}

function gitMissing(cause: unknown): ConfigError {
  return new ConfigError('DEMO_GIT_MISSING', `git could not be started (${messageOf(cause)}): install it, or put it on the PATH.`, {
    cause,
  });
}
