import { createHash } from 'node:crypto';
import { BoundedCache, type CacheStats, type IClock, Semaphore } from '@bellows/sdk';
import type { CommandEnd, ICommand, ICommands, Verdict } from './session-contracts.js';

/** Trees are small strings; so many cover the landings of a busy day. */
const MAX_VERDICTS = 10_000;

export interface VerifierLimits {
  /** Verifications at once. */
  readonly permits: number;
  readonly timeoutMs: number;
}

export interface VerifierOptions extends VerifierLimits {
  readonly commands: ICommands;
  readonly clock: IClock;
  readonly graceMs: number;
  readonly maxOutputBytes: number;
}

export interface Verification {
  readonly sessionId: string;
  /** Top folder of the repository; verdicts are of one repository. */
  readonly repo: string;
  readonly tree: string;
  readonly command: readonly string[];
  /** A workspace that holds the files of `tree` and nothing else but ignored files. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly signal: AbortSignal;
  /** Others wait to land behind it: it goes before those that verify their own work. Default false. */
  readonly holdsTheBranch?: boolean;
}

/**
 * Runs the verification command of a job: exit 0, and nothing else, is a pass. So many at once as there are permits, in order; who holds
 * a branch waits for no more than those that run. A tree that
 * passed is not verified again by the same command; one that failed is, because tests may fail by chance.
 */
export class Verifier {
  readonly #options: VerifierOptions;
  #timeoutMs: number;
  readonly #permits: Semaphore;
  /** Lets as many as there are permits to the queue for these, so that it stays short for those who do not come through here. */
  readonly #gate: Semaphore;
  readonly #passed = new BoundedCache<true>({ maxEntries: MAX_VERDICTS });

  constructor(options: VerifierOptions) {
    this.#options = options;
    const { permits, timeoutMs, clock } = options;
    this.#timeoutMs = timeoutMs;
    this.#permits = new Semaphore({ permits, clock });
    this.#gate = new Semaphore({ permits, clock });
  }

  /** Holds for verifications that begin from now on; those that run keep their time. */
  configure({ permits, timeoutMs }: VerifierLimits): void {
    this.#timeoutMs = timeoutMs;
    this.#permits.resize(permits);
    this.#gate.resize(permits);
  }

  /** Rejects with `COMMAND_NOT_STARTED`, and with the reason of `signal`; then its processes have ended. */
  async verify(verification: Verification): Promise<Verdict> {
    const key = createHash('sha256')
      .update(JSON.stringify([verification.repo, verification.command, verification.tree]))
      .digest('hex');
    if (this.#passed.get(key)) return { passed: true, message: `The same files, tree ${verification.tree}, passed before` };
    const { signal, holdsTheBranch = false } = verification;
    const entry = holdsTheBranch ? null : await this.#gate.acquire({ signal });
    try {
      return await this.#verifyInTurn(verification, key);
    } finally {
      entry?.release();
    }
  }

  async #verifyInTurn(verification: Verification, key: string): Promise<Verdict> {
    const permit = await this.#permits.acquire({ signal: verification.signal });
    try {
      const timeoutMs = this.#timeoutMs;
      const end = await this.#run(verification, timeoutMs);
      verification.signal.throwIfAborted();
      const verdict = verdictOf(end, timeoutMs);
      if (verdict.passed) await this.#passed.set(key, true);
      return verdict;
    } finally {
      permit?.release();
    }
  }

  stats(): CacheStats {
    return this.#passed.stats();
  }

  async #run({ sessionId, command, cwd, env, logFile, signal }: Verification, timeoutMs: number): Promise<CommandEnd> {
    const { commands, clock, graceMs, maxOutputBytes } = this.#options;
    const running = await commands.start({ sessionId, command, cwd, env, logFile, maxOutputBytes, graceMs });
    const onAbort = () => end(running, 'stopped');
    const cancelTimer = clock.setTimer(timeoutMs, () => end(running, 'timed_out'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      return await running.ended;
    } finally {
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

function end(command: ICommand, cause: 'stopped' | 'timed_out'): void {
  // its outcome is in `ended`, which is awaited
  command.end(cause).catch(() => {});
}

function verdictOf({ cause, exitCode, signal, tail }: CommandEnd, timeoutMs: number): Verdict {
  const passed = cause === 'exit' && exitCode === 0;
  const how =
    cause === 'timed_out'
      ? `did not end within ${timeoutMs} ms`
      : exitCode === null
        ? `was ended by ${signal}`
        : `ended with exit code ${exitCode}`;
  return { passed, message: `The verification ${how}${tail.trim() === '' ? '' : `:\n${tail.trim()}`}` };
}
