import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll } from '@jest/globals';
import { type Answer, type RequestOptions, request } from './http-client.js';
import { descendants, killAll } from './processes.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

export const REPOSITORY = path.resolve(import.meta.dirname, '../../..');
export const HOST_MAIN = path.join(REPOSITORY, 'host/dist/main.js');
export const COMPUTE = path.join(REPOSITORY, 'plugins/compute');
export const WORKFLOW = path.join(REPOSITORY, 'plugins/workflow');
export const HARNESS = path.join(REPOSITORY, 'plugins/harness');
export const GREETER = path.join(REPOSITORY, 'docs/examples/greeter');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** The host's entry; a packed one elsewhere in some tests. */
  readonly main?: string;
}

export interface StartedProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it has written so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  readonly exit: Promise<Exit>;
}

export interface StartOptions {
  /** Text is written as it is; an object as JSON, which is YAML. `port: 0` and a data folder of its own are filled in. */
  readonly config?: string | ConfigObject;
  readonly folder?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly main?: string;
}

export interface ConfigObject {
  readonly host?: Readonly<Record<string, unknown>>;
  readonly governor?: Readonly<Record<string, unknown>>;
  readonly tenants?: Readonly<Record<string, unknown>>;
  readonly plugins?: Readonly<Record<string, unknown>>;
}

export interface RunningHost {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly folder: string;
  readonly dataDir: string;
  readonly process: StartedProcess;
  request(target: string, options?: RequestOptions): Promise<Answer>;
  /** `POST /v1/operations/<name>`. */
  call(name: string, input?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** The command line against this host. */
  bellows(args: readonly string[], options?: RunOptions): Promise<Exit>;
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

const started: StartedProcess[] = [];

// Whatever a test started and did not stop ends here, by its pid; executors of a killed host too.
afterAll(async () => {
  for (const { child, pid, exit } of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const below = descendants(pid);
    child.kill('SIGKILL');
    await exit;
    killAll(below);
  }
});

/** Starts the built host and resolves when it is ready; rejects with what it wrote when it ends before. */
export async function startHost(options: StartOptions = {}): Promise<RunningHost> {
  const folder = options.folder ?? tempFolder('bellows-host');
  const file = writeConfig(folder, options.config ?? {});
  const running = startProcess(['start', '--config', file, '--json', ...(options.args ?? [])], { ...options, cwd: folder });
  const line = await firstLine(running);
  const { url } = JSON.parse(line) as { url: string };
  const dataDir = path.join(folder, '.bellows');
  const { token } = JSON.parse(readFileSync(path.join(dataDir, 'host.json'), 'utf8')) as { token: string };
  return {
    url,
    token,
    folder,
    dataDir,
    pid: running.pid,
    process: running,
    request: (target, init) => request(`${url}${target}`, init),
    call: (name, input = {}, headers = {}) =>
      request(`${url}/v1/operations/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(input),
      }),
    bellows: (args, init = {}) =>
      runBellows(args, {
        cwd: folder,
        ...(options.main === undefined ? {} : { main: options.main }),
        ...init,
        env: { BELLOWS_URL: url, ...init.env },
      }),
    stop(signal = 'SIGTERM') {
      running.child.kill(signal);
      return running.exit;
    },
  };
}

/** Writes `bellows.yaml` into the folder and returns its path. */
export function writeConfig(folder: string, config: string | ConfigObject): string {
  const file = path.join(folder, 'bellows.yaml');
  const text =
    typeof config === 'string'
      ? config
      : JSON.stringify({ ...config, host: { port: 0, dataDir: path.join(folder, '.bellows'), ...config.host } }, null, 2);
  writeFileSync(file, text);
  return file;
}

/** Runs the command line to its end. */
export function runBellows(args: readonly string[], options: RunOptions = {}): Promise<Exit> {
  return startProcess(args, options).exit;
}

/** Starts the command line and leaves it running. */
export function startProcess(args: readonly string[], options: RunOptions = {}): StartedProcess {
  const main = options.main ?? HOST_MAIN;
  if (!existsSync(main)) throw new Error(`${main} is missing: build first (npm run nx -- run-many -t build)`);
  return follow(
    spawn(process.execPath, [main, ...args], {
      cwd: options.cwd ?? tempFolder('bellows-cli'),
      env: cleanEnv(options.env),
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    }),
    options.input,
  );
}

/** Collects what a process writes and makes sure that it ends with the test file. */
export function follow(child: ChildProcess, input?: string): StartedProcess {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  child.stdin?.on('error', () => {}); // it may end without reading
  if (input !== undefined) child.stdin?.end(input);
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }) as Exit);
  const result: StartedProcess = { child, pid: child.pid ?? -1, output: () => ({ stdout, stderr }), exit };
  started.push(result);
  return result;
}

/** Git tells a hook of itself by them where it is, and would change that repository instead of the one of a test. */
const REPOSITORY_OF_A_HOOK = /^GIT_(DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|PREFIX)$/;
const FOREIGN = /^(BELLOWS_|NX_|NODE_OPTIONS$|JEST_|FORCE_COLOR$)/;

/** This process's environment without what would steer the host or git: the host's own variables, nx's and Node's options, a repository. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name) && !REPOSITORY_OF_A_HOOK.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...extra };
}

/** The line `start --json` prints when the host is ready. */
async function firstLine(running: StartedProcess): Promise<string> {
  let over: Exit | undefined;
  void running.exit.then((exit) => {
    over = exit;
  });
  return until('the line of start --json', () => {
    const line = running
      .output()
      .stdout.split('\n')
      .slice(0, -1)
      .find((text) => text.startsWith('{'));
    if (line === undefined && over)
      throw new Error(`The host ended with ${over.code ?? over.signal} before it was ready:\n${over.stdout}${over.stderr}`);
    return line;
  });
}
