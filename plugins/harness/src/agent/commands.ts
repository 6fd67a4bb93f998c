import { type IClock, type ILogger, silentLogger, systemClock } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { CommandSpec, ICommand, ICommands, ProcessIdentity } from '../jobs/session-contracts.js';
import { CommandOutput } from './command-output.js';
import { killAll } from './end-processes.js';
import { systemProcesses } from './process-identity.js';
import type { IProcessReader } from './process-record.js';
import { ProcessTree } from './process-tree.js';
import { RunningCommand } from './running-command.js';
import { SessionEvidence } from './session-evidence.js';
import { startProcess } from './start-process.js';

export interface CommandsOptions {
  readonly clock?: IClock;
  readonly logger?: ILogger;
  /** Default: those of this system. */
  readonly processes?: IProcessReader;
}

/** Several hundred sessions are looked at within moments of each other: one look at the processes serves them all. */
const EVIDENCE_MAX_AGE_MS = 1_000;

/** Starts agents and verifications as child processes and ends them with all their descendants. One per host. */
export class Commands implements ICommands {
  readonly #clock: IClock;
  readonly #logger: ILogger;
  readonly #processes: IProcessReader;
  readonly #tree: ProcessTree;

  constructor({ clock = systemClock, logger = silentLogger, processes = systemProcesses() }: CommandsOptions = {}) {
    this.#clock = clock;
    this.#logger = logger;
    this.#processes = processes;
    this.#tree = new ProcessTree(processes, clock);
  }

  /** A session id is used once, on all hosts: by it descendants are found, also those of another host. */
  async start(spec: CommandSpec): Promise<ICommand> {
    const { sessionId } = spec;
    if (this.#tree.isFollowed(sessionId)) {
      throw harnessError('COMMAND_NOT_STARTED', `The session ${sessionId} has a command that runs; give each a session of its own`);
    }
    this.#tree.follow(sessionId, null);
    try {
      return await this.#start(spec);
    } catch (error) {
      this.#tree.forget(sessionId);
      throw error;
    }
  }

  async #start(spec: CommandSpec): Promise<ICommand> {
    const { sessionId, logFile, maxOutputBytes: maxBytes, progress } = spec;
    const [clock, tree, logger] = [this.#clock, this.#tree, this.#logger];
    const output = await CommandOutput.open({ logFile, maxBytes, clock });
    const evidence = await SessionEvidence.begin({
      clock,
      progress,
      lastOutputAtMs: () => output.lastAtMs,
      processes: () => tree.look(sessionId, EVIDENCE_MAX_AGE_MS),
    });
    const startedAtMs = clock.monotonicMs();
    try {
      const started = await startProcess(spec, this.#processes);
      tree.follow(sessionId, started.identity, true);
      for (const stream of [started.child.stdout, started.child.stderr]) if (stream !== null) output.read(stream);
      if (output.fault !== undefined) logger.warn('a session goes on without log', { session: sessionId, fault: output.fault });
      return new RunningCommand({ spec, started, startedAtMs, output, evidence, clock, tree, logger });
    } catch (error) {
      await output.finish(0);
      throw error;
    }
  }

  async endOrphan(identity: ProcessIdentity | null, sessionId: string): Promise<number> {
    // what runs here was not left by an earlier host
    if (this.#tree.isFollowed(sessionId)) return 0;
    this.#tree.follow(sessionId, identity);
    try {
      return await killAll(sessionId, { tree: this.#tree, clock: this.#clock, logger: this.#logger });
    } finally {
      this.#tree.forget(sessionId);
    }
  }
}
