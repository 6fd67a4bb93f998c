import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type ErrorBody, type IClock, isBellowsError, PluginError } from '@bellows/sdk';
import { HostClient } from '../cli/host-client.js';
import type { HostFile } from '../data-folder.js';
import { within } from '../teardown.js';
import { packageFolder } from './package-folder.js';
import { gitEnvironment, interrupted } from './run-git.js';

export interface DemoHostOptions {
  /** Holds `bellows.yaml`; the host's data goes into `data` below it. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the start; the call then rejects with `CancelledError` (`INTERRUPTED`) when the host has ended. Has no effect afterwards. */
  readonly signal: AbortSignal;
  readonly clock: IClock;
}

/** Longer than a host gives itself for a stop. */
const STOP_MS = 25_000;
/** From the end of connections to the end of a process. */
const LOST_MS = 2_000;
const KEPT_OUTPUT = 4_000;

/**
 * A host in a process of its own, for as long as this process lives: its standard input is a pipe from here, and it stops when that ends.
 * It is in a process group of its own, so that Ctrl-C comes to the demo alone, which then stops it in order.
 */
export class DemoHost {
  readonly pid: number;
  readonly url: string;
  /** With the token that lets a browser in, once. */
  readonly pageUrl: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<string>;
  readonly #options: DemoHostOptions;
  readonly #token: string;
  readonly #lost = new AbortController();
  #isStopping = false;

  private constructor(started: Started, options: DemoHostOptions, { url, pageUrl, token }: Addresses) {
    this.#child = started.child;
    this.#exit = started.exit;
    this.#options = options;
    this.pid = started.child.pid ?? 0;
    this.url = url;
    this.pageUrl = pageUrl;
    this.#token = token;
    void started.exit.then((how) => {
      if (!this.#isStopping) this.#lost.abort(hostLost(how, started.words()));
    });
  }

  /** `PluginError` (`DEMO_HOST_LOST`) with its words when the host ends instead of getting ready. */
  static async start(options: DemoHostOptions): Promise<DemoHost> {
    if (options.signal.aborted) throw interrupted();
    const started = spawnHost(options);
    const end = () => started.child.kill('SIGTERM');
    options.signal.addEventListener('abort', end, { once: true });
    try {
      const line = await Promise.race([started.firstLine, started.exit.then(() => undefined)]);
      if (options.signal.aborted) {
        await started.exit;
        throw interrupted();
      }
      if (line === undefined) throw hostLost(await started.exit, started.words());
      const { url, pageUrl } = JSON.parse(line) as Addresses;
      const { token } = JSON.parse(await readFile(path.join(options.folder, 'data', 'host.json'), 'utf8')) as HostFile;
      return new DemoHost(started, options, { url, pageUrl, token });
    } finally {
      options.signal.removeEventListener('abort', end);
    }
  }

  /** Aborts, with the error that tells of it, when the host ends without being told to. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** The error that tells why the host has gone, when `error` may come from that; else `error` itself. */
  async reasonOf(error: unknown): Promise<unknown> {
    // Its connections break a moment before its process is known to have ended.
    if (isBellowsError(error) && error.code === 'HOST_UNREACHABLE') await within(this.#options.clock, LOST_MS, this.#exit);
    return this.#lost.signal.aborted ? this.#lost.signal.reason : error;
  }

  /** A client with the rights of whoever may start programs. */
  client(signal: AbortSignal): HostClient {
    return new HostClient({ url: this.url, token: this.#token, signal });
  }

  /** Resolves when the process has gone, whichever way; answers whether it stopped in order. Twice is as good as once. */
  async stop(): Promise<boolean> {
    this.#isStopping = true;
    this.#child.kill('SIGTERM');
    const inTime = await within(
      this.#options.clock,
      STOP_MS,
      this.#exit.then(() => true),
    );
    if (!inTime) this.#child.kill('SIGKILL');
    return (await this.#exit) === EXITED_IN_ORDER;
  }
}

const EXITED_IN_ORDER = 'code 0';

interface Addresses {
  readonly url: string;
  readonly pageUrl: string;
  readonly token: string;
}

interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  /** How it ended. */
  readonly exit: Promise<string>;
  readonly firstLine: Promise<string>;
  /** The end of what it has written for people. */
  words(): string;
}

function spawnHost({ folder, env }: DemoHostOptions): Started {
  const main = path.join(packageFolder(), 'dist', 'main.js');
  const args = [main, 'start', '--config', path.join(folder, 'bellows.yaml'), '--json', '--until-stdin-ends'];
  const child = spawn(process.execPath, args, { cwd: folder, env: hostEnvironment(env), detached: true, stdio: 'pipe' });
  child.stdin.on('error', () => {});
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT_OUTPUT);
  });
  const exit = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === null ? `signal ${signal}` : `code ${code}`));
  });
  return { child, exit, firstLine: firstLineOf(child), words: () => stderr.trim() };
}

function firstLineOf({ stdout }: ChildProcessWithoutNullStreams): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
  });
}

/** What would steer another host must not steer this one. */
function hostEnvironment(env: DemoHostOptions['env']): Record<string, string> {
  return Object.fromEntries(Object.entries(gitEnvironment(env)).filter(([name]) => !name.startsWith('BELLOWS_')));
}

function hostLost(how: string, words: string): PluginError {
  const said = sentenceOf(words);
  const last = said === '' ? '' : ` It said: ${said}`;
  return new PluginError('DEMO_HOST_LOST', `The host of the demo ended by itself (${how}); what it was doing is lost.${last}`);
}

/** An error as the host prints it with `--json`, in words; anything else as it is. */
function sentenceOf(words: string): string {
  try {
    const { error } = JSON.parse(words) as { readonly error: ErrorBody };
    const faults = (error.details ?? []).map(({ path: place, message }) => `${place}: ${message}`);
    return `${[error.message, ...faults].join('; ')} (${error.code})`;
  } catch {
    return words;
  }
}
