import type { ErrorDetail } from '@bellows/sdk';
import type { BackupReport, BackupRequest } from '../backup/back-up.js';
import type { Comparison } from '../compare-configs.js';
import type { NamedFinding } from '../doctor/finding.js';
import type { RunningHost } from '../host.js';
import type { HostOptions } from '../host-options.js';
import type { Screen } from '../wrap.js';

export interface CliOutput extends Screen {
  write(chunk: string | Uint8Array): unknown;
  /** Lines of a terminal. */
  readonly rows?: number | undefined;
  /** What made writing fail; whoever read has gone, then nothing more arrives. */
  readonly errored?: Error | null;
  readonly destroyed?: boolean;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

export type CliInput = AsyncIterable<Uint8Array | string> & {
  readonly isTTY?: boolean | undefined;
  /** Every key at once, without echo. */
  setRawMode?(raw: boolean): unknown;
};

/** The surroundings of a command: all it reads and writes, so that it runs in a test as in a terminal. */
export interface CliIo {
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly stdin: CliInput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** How to start this program again: Node.js and its script, absolute. */
  readonly self: readonly [string, string];
  /** Aborts with the first SIGINT or SIGTERM: end in order. */
  readonly signal: AbortSignal;
  /** Aborts with the second one: end at once. */
  readonly forceSignal?: AbortSignal;
  /** From now on the process takes signals that ask for a reload, and tells them. */
  onReload?(listener: () => void): void;
  /** Calls when the process ends, also by an error nobody caught, before that is told; the answer takes it back. */
  onEnd?(restore: () => void): () => void;
}

/** What the command line needs of the host beside HTTP. */
export interface CliDeps {
  startHost(options: HostOptions): Promise<RunningHost>;
  checkConfig(options: HostOptions): Promise<{
    readonly problems: readonly ErrorDetail[];
    readonly plugins: readonly { readonly id: string; readonly version: string; readonly from: string }[];
    readonly warnings: readonly string[];
    readonly file?: string;
  }>;
  effectiveConfig(options: HostOptions): Promise<{
    readonly entries: readonly { readonly path: string; readonly value: unknown; readonly origin: string }[];
    readonly problems: readonly ErrorDetail[];
    readonly file?: string;
  }>;
  compareConfigs(from: HostOptions, to: HostOptions): Promise<Comparison>;
  /** Of the plugins whose code can be read; `problems` say which cannot. */
  editorSchema(options: HostOptions): Promise<{ readonly schema: unknown; readonly problems: readonly ErrorDetail[] }>;
  /** Whether this machine and folder are fit for a host; never rejects. */
  examine(options: HostOptions, signal: AbortSignal): Promise<readonly NamedFinding[]>;
  /** Copies the data folder; the rest of the request is as `backUp` has it. */
  backUp(options: HostOptions, request: Omit<BackupRequest, 'dataDir'>): Promise<BackupReport>;
  /**
   * Where the host of the data folder listens, and its token; null when none has written that down. `file` is where it would be, absolute.
   * `elsewhere`: the data folder of a host that began before the configuration named another one.
   * `unread`: the configuration file that was named and could not be read, with why; the usual data folder was looked into then.
   */
  findHost(options: HostOptions): Promise<{
    readonly file: string;
    readonly host: { readonly url: string; readonly token: string } | null;
    readonly elsewhere?: string;
    readonly unread?: ErrorDetail;
  }>;
}
