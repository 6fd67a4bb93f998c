import type { IClock } from '@bellows/sdk';
import type { TokensRefusal } from '../http/tokens-state.js';

/** How a program ended that was asked something. */
export type Ran =
  | { readonly how: 'ended'; readonly code: number; readonly output: string }
  | { readonly how: 'missing' }
  | { readonly how: 'hanging' }
  | { readonly how: 'failed'; readonly reason: string };

export interface FileSystemReading {
  /** The magic number of Linux; means nothing elsewhere. */
  readonly type: number;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** 0 where the file system counts none. */
  readonly inodes: number;
}

export interface ConfigReading {
  readonly file: string | undefined;
  readonly problems: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly dataDir: string;
  /** What the configuration puts in with `${file:…}` (absolute). */
  readonly secretFiles: readonly string[];
}

export interface PluginReading {
  /** Beside those of the configuration. */
  readonly problems: readonly string[];
  /** Those that would be loaded, with their versions. */
  readonly plugins: readonly string[];
}

/** What a host writes of itself. */
export interface HostReading {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
}

export interface RunningHostReading {
  readonly version: string;
  readonly ready: boolean;
  readonly tokensRefused?: TokensRefusal;
}

/** A host of another data folder. It tells strangers nothing where it has users. */
export interface NeighbourReading {
  readonly dataDir?: string;
}

export interface DatabaseReading {
  /** Below the data folder. */
  readonly path: string;
  /** What follows its name in a sentence: "is empty". */
  readonly fault?: string;
}

/** All that the checks read of the machine, so that each is tested without it. Nothing of it throws but where it says so. */
export interface Probes {
  readonly nodeVersion: string;
  readonly platform: string;
  readonly arch: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly temporaryFolder: string;
  readonly clock: IClock;
  readConfig(): Promise<ConfigReading>;
  /** What is loaded to tell it is loaded once, however often this is called. */
  readPlugins(): Promise<PluginReading>;
  readHostFile(folder: string): Promise<HostReading | null>;
  /** Undefined when there is no such file, when it is something else than a file, or when it may not be read. */
  readText(file: string): Promise<string | undefined>;
  /** The same of a file of the kernel (/proc, /sys), which no disk can make wait. */
  readonly readKernelText: (file: string) => string | undefined;
  /** Names in a folder; empty when there is none or it may not be read. */
  list(folder: string): Promise<readonly string[]>;
  /** Undefined when there is nothing of that name; rejects when that cannot be seen. */
  stat(file: string): Promise<{ readonly isFolder: boolean; readonly mode: number } | undefined>;
  /** Where a symbolic link leads. */
  readLink(file: string): Promise<string | undefined>;
  /** The code of the error with which a file written there, read, run and removed again failed; undefined when all went well. */
  tryFile(folder: string, options: { readonly executable: boolean }): Promise<string | undefined>;
  /** Whether this user may make something in the folder; nothing is made. */
  mayWrite(folder: string): Promise<boolean>;
  /** May reject. */
  fileSystem(folder: string): Promise<FileSystemReading>;
  /** The code of the error with which listening failed; undefined when it worked. It listens for a moment only. */
  tryListen(address: string, port: number): Promise<string | undefined>;
  /** What the Bellows host says of itself that listens there; undefined when something else does, or nothing answers in time. */
  askPort(address: string, port: number): Promise<NeighbourReading | undefined>;
  /** The databases in a data folder, looked at without changing them; `isStill`: of a host that does not run. May reject. */
  readDatabases(folder: string, isStill: boolean): Promise<readonly DatabaseReading[]>;
  /** Whether a host holds the data folder. May reject. */
  isLocked(folder: string): Promise<boolean>;
  /** Without a shell; ended when it takes too long. */
  run(command: readonly [string, ...string[]]): Promise<Ran>;
  /** Asks a running host; rejects when it does not answer. */
  askHost(host: HostReading): Promise<RunningHostReading>;
  /** The highest number of open files of this process; undefined where nothing tells it. */
  openFiles(): Promise<number | undefined>;
}
