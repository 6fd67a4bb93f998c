import type { CommandEnd, CommandSpec, EndCause, ICommand, ProcessIdentity } from '../jobs/session-contracts.js';
import type { Evidence } from '../scaling/judge-stall.js';
import { atMost } from './at-most.js';
import type { CommandOutput } from './command-output.js';
import { askToEnd, type Ending, killAll, killGroup } from './end-processes.js';
import type { SessionEvidence } from './session-evidence.js';
import type { LeaderExit, StartedProcess } from './start-process.js';

export interface RunningCommandParts extends Ending {
  readonly spec: CommandSpec;
  readonly started: StartedProcess;
  readonly startedAtMs: number;
  readonly output: CommandOutput;
  readonly evidence: SessionEvidence;
}

/** Pipes end with the last process that holds them; longer only somebody who was lost sight of keeps them open. */
const PIPES_GRACE_MS = 1_000;

/** So often processes are tried to be seen, after 1, 2, 3 … s. */
const MAX_LOOKS_THAT_FAIL = 5;
const FAILED_LOOK_PAUSE_MS = 1_000;

/** An exit that is not heard of after SIGKILL: the kernel holds the process, and the session must not wait for that. */
const EXIT_GRACE_MS = 1_000;
const NOT_HEARD_OF: LeaderExit = Object.freeze({ exitCode: null, signal: null });

/**
 * A command from its start to the end of its last descendant.
 *
 *   running ── leader exits ──┬── nothing left ─────────────────────────────────┐
 *      │                      └── descendants left ─┐                           ▼
 *      └──────── end(cause) ────────────────────────┴─▶ asked ── grace ─▶ killed ─▶ output read ─▶ ended
 */
export class RunningCommand implements ICommand {
  readonly identity: ProcessIdentity;
  readonly ended: Promise<CommandEnd>;
  readonly #parts: RunningCommandParts;
  #askedToEnd!: () => void;
  #cause: EndCause | null = null;

  /** The session is followed by the tree already; it is forgotten when the command has ended. */
  constructor(parts: RunningCommandParts) {
    this.#parts = parts;
    this.identity = parts.started.identity;
    const asked = new Promise<void>((resolve) => {
      this.#askedToEnd = resolve;
    });
    this.ended = this.#run(asked);
  }

  evidence(): Promise<Evidence> {
    return this.#parts.evidence.look();
  }

  async end(cause: Exclude<EndCause, 'exit'>): Promise<void> {
    this.#cause ??= cause;
    this.#askedToEnd();
    await this.ended;
  }

  async #run(asked: Promise<void>): Promise<CommandEnd> {
    const { started, startedAtMs, clock, output } = this.#parts;
    let durationMs: number | null = null;
    const exited = started.exited.then((exit) => {
      durationMs = clock.monotonicMs() - startedAtMs;
      this.#cause ??= 'exit';
      return exit;
    });
    await Promise.race([exited, asked]);
    await this.#endAll();
    const exit = (await atMost(clock, EXIT_GRACE_MS, exited)) ?? NOT_HEARD_OF;
    await output.finish(PIPES_GRACE_MS);
    const fault = output.fault;
    return {
      cause: this.#cause ?? 'exit',
      ...exit,
      durationMs: durationMs ?? clock.monotonicMs() - startedAtMs,
      tail: output.tail,
      ...(fault === undefined ? {} : { logFault: fault }),
    };
  }

  async #endAll(): Promise<void> {
    const { spec, tree, logger, clock } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const graceMs = attempt === 1 ? spec.graceMs : 0;
        if (!(await askToEnd(spec.sessionId, graceMs, this.#parts))) await killAll(spec.sessionId, this.#parts);
        break;
      } catch (error) {
        // the host has no free files, for example: the group can be ended all the same, the others when that is over;
        // once, because later its number may be that of another
        if (attempt === 1) killGroup(this.identity.pid);
        logger.error('the processes of a session could not be looked at, its group was killed', { session: spec.sessionId, error });
        if (attempt === MAX_LOOKS_THAT_FAIL) break;
        await clock.sleep(attempt * FAILED_LOOK_PAUSE_MS);
      }
    }
    tree.forget(spec.sessionId);
  }
}
