import { randomUUID } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ILogger } from '@bellows/sdk';
import { Commands } from '../../src/agent/commands.js';
import { LinuxProcesses } from '../../src/agent/linux-processes.js';
import type { CommandSpec, ICommand } from '../../src/jobs/session-contracts.js';

const processes = new LinuxProcesses();

/** Real commands in a folder of their own; disposing of it ends whatever is left of them. */
export class TestCommands implements AsyncDisposable {
  readonly commands: Commands;
  readonly folder: string;
  readonly #sessions: string[] = [];

  private constructor(folder: string, logger?: ILogger) {
    this.folder = folder;
    this.commands = new Commands(logger === undefined ? {} : { logger });
  }

  static async make(logger?: ILogger): Promise<TestCommands> {
    return new TestCommands(await mkdtemp(path.join(tmpdir(), 'bellows-commands-')), logger);
  }

  session(): string {
    const id = `test-${randomUUID()}`;
    this.#sessions.push(id);
    return id;
  }

  spec(command: readonly string[], changed: Partial<CommandSpec> = {}): CommandSpec {
    const sessionId = changed.sessionId ?? this.session();
    const logFile = path.join(this.folder, `${sessionId}.log`);
    return { sessionId, command, cwd: this.folder, env: {}, logFile, maxOutputBytes: 64 * 1024, graceMs: 200, ...changed };
  }

  start(command: readonly string[], changed: Partial<CommandSpec> = {}): Promise<ICommand> {
    return this.commands.start(this.spec(command, changed));
  }

  /** A script for `sh`, so that a test shows what its program does. */
  shell(script: string, changed: Partial<CommandSpec> = {}): Promise<ICommand> {
    return this.start(['sh', '-c', script], changed);
  }

  read(file: string): Promise<string> {
    return readFile(path.resolve(this.folder, file), 'utf8');
  }

  /** Whether a program wrote the file already. */
  has(file: string): Promise<boolean> {
    return this.read(file).then(
      (text) => text !== '',
      () => false,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of await living(...this.#sessions)) kill(pid);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Silent for one that has ended since it was seen. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Processes that carry one of these sessions in their environment and have not ended. */
export async function living(...sessions: readonly string[]): Promise<readonly { pid: number }[]> {
  const records = await processes.list();
  return records.filter(({ pid, ended }) => !ended && pid !== process.pid && sessions.includes(processes.sessionOf(pid) ?? ''));
}

/** Numbers of the processes whose folder this is, whatever they say of themselves and whoever their parent is. */
export function workingIn(folder: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && folderOf(pid) === folder);
}

/** Null for one that has ended. */
function folderOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}
