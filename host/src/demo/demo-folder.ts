import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ConfigError, InputError, messageOf } from '@bellows/sdk';
import { packageFolder, pluginFolders } from './package-folder.js';
import { unwritable } from './source-repository.js';

/** What is told to the next demo, for the case that this one is killed. */
interface Mark {
  readonly machine: string;
  readonly pids: readonly number[];
}

const PREFIX = 'bellows-demo-';
const MARK = '.running';
const REMOVE_ATTEMPTS = 5;

export interface DemoFolderOptions {
  /** true: in the temporary folder; a path: there; undefined: it is removed at the end. */
  readonly keep: string | true | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of this process. */
  readonly pid: number;
}

/** The folder of one demo: the clone, the configuration, the data of its host, what it made. */
export class DemoFolder {
  readonly path: string;
  readonly isKept: boolean;
  readonly #pid: number;
  /** Whether it was there before: then it stays, empty, when it is not kept. */
  readonly #wasThere: boolean;

  private constructor(
    folder: string,
    { isKept, pid, wasThere }: { readonly isKept: boolean; readonly pid: number; readonly wasThere: boolean },
  ) {
    this.path = folder;
    this.isKept = isKept;
    this.#pid = pid;
    this.#wasThere = wasThere;
  }

  /** Makes it. `ConfigError`: `DEMO_FOLDER_UNUSABLE` when it cannot be written, `DEMO_FOLDER_IN_USE` when something is in it already. */
  static async make({ keep, cwd, env, pid }: DemoFolderOptions): Promise<DemoFolder> {
    const temporary = path.resolve(cwd, env.TMPDIR || os.tmpdir());
    const named = typeof keep === 'string' ? path.resolve(cwd, keep) : undefined;
    const wasThere = named !== undefined && existsSync(named);
    if (wasThere) demandEmpty(named);
    try {
      const folder = await realpath(named === undefined ? await mkdtemp(path.join(temporary, PREFIX)) : await made(named));
      const demo = new DemoFolder(folder, { isKept: keep !== undefined, pid, wasThere });
      await demo.markRunning([]);
      return demo;
    } catch (error) {
      throw unwritable(named ?? temporary, error);
    }
  }

  file(...parts: readonly string[]): string {
    return path.join(this.path, ...parts);
  }

  /** Says which processes work here. */
  async markRunning(pids: readonly number[]): Promise<void> {
    const mark: Mark = { machine: os.hostname(), pids: [this.#pid, ...pids] };
    await writeFile(this.file(MARK), JSON.stringify(mark));
  }

  /** Writes what the host starts with: `bellows.yaml`, workflows, programs. */
  async furnish(cwd: string): Promise<void> {
    const plugins = pluginFolders(cwd);
    const assets = path.join(packageFolder(), 'demo');
    try {
      await cp(path.join(assets, 'flows'), this.file('flows'), { recursive: true });
      for (const name of ['agent.sh', 'verify.sh']) await cp(path.join(assets, name), this.file(name));
      await mkdir(this.file('results'));
      await writeFile(this.file('bellows.yaml'), configText(plugins));
    } catch (error) {
      throw unwritable(this.path, error);
    }
  }

  /** Removes it, or only the mark when it is kept. `InputError` (`DEMO_LEFT_BEHIND`) when that fails. Twice does nothing more. */
  async close({ isKept = this.isKept } = {}): Promise<void> {
    try {
      if (isKept) return await rm(this.file(MARK), { force: true });
      if (this.#wasThere) await emptied(this.path);
      else await removed(this.path);
    } catch (error) {
      throw new InputError('DEMO_LEFT_BEHIND', `${this.path} could not be removed (${messageOf(error)}): remove it by hand.`, {
        cause: error,
      });
    }
  }
}

export interface SweepOptions extends Pick<DemoFolderOptions, 'cwd' | 'env'> {
  /** Of this process; undefined where files have no such owners. */
  readonly uid: number | undefined;
}

/** Removes what demos of the same user left in the temporary folder that were killed. Answers their folders; never throws. */
export async function sweepDemos({ cwd, env, uid }: SweepOptions): Promise<readonly string[]> {
  const temporary = path.resolve(cwd, env.TMPDIR || os.tmpdir());
  const names = await readdir(temporary).catch(() => []);
  const swept: string[] = [];
  for (const folder of names.filter((name) => name.startsWith(PREFIX)).map((name) => path.join(temporary, name))) {
    if (!(await isLeft(folder, uid))) continue;
    // in use after all: not ours to complain about
    await removed(folder).then(
      () => swept.push(folder),
      () => {},
    );
  }
  return swept;
}

/** In a shared temporary folder anybody can put a mark; whose folder it is could exchange it for another while it is removed. */
async function isLeft(folder: string, uid: number | undefined): Promise<boolean> {
  try {
    const found = await lstat(folder);
    if (!found.isDirectory() || (uid !== undefined && found.uid !== uid)) return false;
    const { machine, pids } = JSON.parse(await readFile(path.join(folder, MARK), 'utf8')) as Mark;
    return machine === os.hostname() && !pids.some(isRunning);
  } catch {
    return false; // kept, or not ours
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !hasEnded(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One that has ended and whose parent does not ask for it is still there as a zombie; for ever, where nobody takes orphans over. */
function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false; // no such files on this system
  }
}

function demandEmpty(folder: string): void {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw unwritable(folder, error);
  }
  if (names.length === 0) return;
  throw new ConfigError('DEMO_FOLDER_IN_USE', `${folder} is not empty: name a folder with --keep that is empty or not there yet.`);
}

async function made(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return folder;
}

async function emptied(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await removed(path.join(folder, name));
}

function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: REMOVE_ATTEMPTS });
}

/** JSON texts are YAML, whatever is in a path. */
function configText(plugins: Readonly<Record<'compute' | 'workflow' | 'harness', string>>): string {
  return `# Made by \`bellows demo\`. Every option with its default: docs/reference/config/host.md
host: { address: 127.0.0.1, port: 0, dataDir: data }

governor:
  # The default is 30 s; shorter, so that one sees in a minute how what was given is given back.
  downWindowMs: 4000
  subsystems:
    compute.wasm: { weight: 1, criticality: critical }
    workflow.pipeline: { weight: 2, criticality: degraded }
    harness.scale: { weight: 1, criticality: bulk }

plugins:
  compute: { from: ${JSON.stringify(plugins.compute)} }
  workflow:
    from: ${JSON.stringify(plugins.workflow)}
    config: { definitions: [flows/*.ts] }
  harness:
    from: ${JSON.stringify(plugins.harness)}
    config:
      # Agents of minutes get four workers and a change of their number a minute. These are scripts of a second.
      scale: { minWorkers: 1, targetQueueDepth: 3, scaleCooldownMs: 2000 }
`;
}
