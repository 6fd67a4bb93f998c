import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError, NotReadyError } from '@bellows/sdk';
import { type Command, Option } from 'commander';
import type { HostOptions } from '../host-options.js';
import { NAME_VALUE } from '../http/name-value.js';
import { systemFault } from '../system-fault.js';
import type { CliDeps, CliIo } from './cli-deps.js';
import { HostClient, interruptedError } from './host-client.js';

export interface GlobalOptions {
  readonly json?: true;
  readonly url?: string;
  readonly config?: string;
  readonly data?: string;
}

/** For every command that calls operations; `connect` sees to it. */
export function tenantOption(): Option {
  return new Option('--tenant <name>', 'on whose behalf: the limits of this tenant apply; default when left out');
}

/** What each command works with: its surroundings, and the options that all commands share. */
export class CommandContext {
  readonly io: CliIo;
  readonly deps: CliDeps;
  /** What `runCli` answers when the command ended without an error. */
  exitCode = 0;

  constructor(io: CliIo, deps: CliDeps) {
    this.io = io;
    this.deps = deps;
  }

  hostOptions(command: Command, more: Partial<HostOptions> = {}): HostOptions {
    const { config, data } = command.optsWithGlobals<GlobalOptions>();
    return {
      ...(config === undefined ? {} : { configFile: config }),
      ...(data === undefined ? {} : { dataDir: data }),
      ...more,
      env: this.io.env,
      cwd: this.io.cwd,
    };
  }

  /**
   * `--url`, `BELLOWS_URL`, else the host of the data folder, which also gives the token. A host named by its address gets that
   * token only if it is the same one; else `BELLOWS_TOKEN`. Operations are called for `--tenant`, where the command has it.
   * Aborting `signal` ends what the client waits for.
   */
  async connect(command: Command, signal: AbortSignal = this.io.signal): Promise<HostClient> {
    const { env } = this.io;
    const named = this.#namedUrl(command);
    const { file, host: found, elsewhere, unread } = await this.deps.findHost(this.hostOptions(command));
    const url = named ?? found?.url;
    if (url === undefined) {
      const hint = unread === undefined ? '' : ` The configuration that was named tells no data folder: ${unread.path}: ${unread.message}.`;
      throw new NotReadyError(
        'HOST_UNREACHABLE',
        elsewhere === undefined
          ? `No host is running here: there is no ${file} that says where. Start one with "bellows start", or name its data folder with --data, or its address with --url.${hint}`
          : `No host is running with the data folder that the configuration names now: there is no ${file}. One runs with ${elsewhere}: name it with --data ${elsewhere}, or stop it and start it again.`,
      );
    }
    const token = env.BELLOWS_TOKEN ?? (found && sameOrigin(found.url, url) ? found.token : undefined);
    const tenant = tenantOf(command);
    return new HostClient({ url, signal, ...(token === undefined ? {} : { token }), ...(tenant === undefined ? {} : { tenant }) });
  }

  /** Whether the host is named by its address, and not found by its data folder, which is on this machine. */
  namesHost(command: Command): boolean {
    return this.#namedUrl(command) !== undefined;
  }

  #namedUrl(command: Command): string | undefined {
    return command.optsWithGlobals<GlobalOptions>().url ?? this.io.env.BELLOWS_URL;
  }

  isJson(command: Command): boolean {
    return command.optsWithGlobals<GlobalOptions>().json === true;
  }

  /** A path of the command line, meant from the working folder. */
  resolve(file: string): string {
    return path.resolve(this.io.cwd, file);
  }

  async readFile(file: string): Promise<Buffer> {
    return readFile(this.resolve(file)).catch((error: unknown) => {
      throw unreadable(file, error);
    });
  }

  /** `CancelledError` (`INTERRUPTED`) at a signal: a terminal never ends its input by itself. */
  async readStdin(): Promise<Buffer> {
    const { stdin, signal } = this.io;
    const read = async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      return Buffer.concat(chunks);
    };
    const interruption = new Promise<never>((_resolve, reject) => {
      const onAbort = () => reject(interruptedError());
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    return Promise.race([read(), interruption]);
  }
}

function tenantOf(command: Command): string | undefined {
  const { tenant } = command.optsWithGlobals<{ tenant?: string }>();
  // What a header cannot carry would fail deep inside of the client.
  if (tenant === undefined || NAME_VALUE.test(tenant)) return tenant;
  throw usageError('--tenant must be 1 to 200 printable ASCII characters.');
}

export function usageError(message: string): InputError {
  return new InputError('USAGE', message);
}

export function unreadable(file: string, error: unknown): InputError {
  return new InputError('FILE_UNREADABLE', `${file} ${systemFault(error)}.`, { cause: error });
}

function sameOrigin(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin;
}
