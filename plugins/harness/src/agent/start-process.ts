import { type ChildProcess, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { BellowsError } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { CommandSpec, ProcessIdentity } from '../jobs/session-contracts.js';
import { commandEnvironment } from './command-environment.js';
import type { IProcessReader } from './process-record.js';

/** How a leader ended. */
export interface LeaderExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface StartedProcess {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
  readonly exited: Promise<LeaderExit>;
}

/**
 * Starts a program, never through a shell, as leader of a process group and session of its own, without input. Resolves when it
 * runs, which may be after it has ended; rejects with `COMMAND_NOT_STARTED`.
 */
export async function startProcess(spec: CommandSpec, processes: IProcessReader): Promise<StartedProcess> {
  const [program, ...args] = spec.command;
  if (program === undefined || program === '') throw harnessError('COMMAND_NOT_STARTED', 'The command is empty: name a program');
  try {
    const child = spawn(program, args, {
      cwd: spec.cwd,
      env: commandEnvironment(spec),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    });
    // asked for at once: until this process hears of its end even one that has ended can be seen
    const record = child.pid === undefined ? null : processes.read(child.pid).catch(() => null);
    const exited = new Promise<LeaderExit>((resolve) => child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })));
    await new Promise((resolve, reject) => child.once('spawn', () => resolve(null)).once('error', reject));
    // from here on 'error' means that a signal could not be sent
    child.on('error', () => {});
    return { child, identity: { pid: child.pid!, startedAt: (await record)?.startedAt ?? '' }, exited };
  } catch (error) {
    throw await notStarted(program, spec, error as NodeJS.ErrnoException);
  }
}

async function notStarted(program: string, { cwd }: CommandSpec, error: NodeJS.ErrnoException): Promise<BellowsError> {
  const isFolder = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const why = isFolder ? (REASONS[error.code ?? ''] ?? error.message) : `its folder ${cwd} is not there: it was removed since`;
  return harnessError('COMMAND_NOT_STARTED', `${program} was not started: ${why}`, { cause: error, data: { reason: error.code ?? null } });
}

const REASONS: Readonly<Record<string, string>> = Object.freeze({
  ENOENT:
    'there is no such program on the PATH of the host, or the interpreter that its first line names is missing; install it or give its path',
  EACCES: 'it may not be run; make it executable (chmod +x), or name another',
  EPERM: 'the system does not allow it to be run',
  ENOEXEC: 'it is no program of this kind of machine; scripts need a first line that names their interpreter',
  ENOTDIR: 'a part of its path is a file; correct the path',
  E2BIG: 'its arguments and environment are too large for the system; pass long texts in files',
  ETXTBSY: 'its file is being written; try again when that is done',
  EAGAIN: 'the machine allows no more processes; raise the limit (ulimit -u) or use fewer workers',
  EMFILE: 'the host has too many files open; raise the limit (ulimit -n) or use fewer workers',
  ENFILE: 'the machine has too many files open; use fewer workers',
  ENOMEM: 'the machine has no memory for another process; use fewer workers',
});
