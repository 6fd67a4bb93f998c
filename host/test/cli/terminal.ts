import type { CliDeps, CliIo } from '../../src/cli/cli-deps.js';
import { runCli } from '../../src/cli/program.js';
import type { HostOptions } from '../../src/host-options.js';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of an output is what it tests
  readonly json: any;
}

export interface Terminal {
  readonly host?: { readonly url: string; readonly token: string } | null;
  readonly deps?: Partial<CliDeps>;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string | CliIo['stdin'];
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly signal?: AbortSignal;
  readonly forceSignal?: AbortSignal;
  readonly onReload?: CliIo['onReload'];
  readonly onEnd?: CliIo['onEnd'];
  /** Gets every chunk as it is written. */
  readonly onOutput?: (text: string) => void;
}

const notHere = (what: string) => () => Promise.reject(new Error(`${what} is not part of this test`));

/** One command line in surroundings that are all the test's own. */
export async function bellows(argv: readonly string[], terminal: Terminal = {}): Promise<Ran> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const into = (chunks: Buffer[]) => ({
    isTTY: terminal.isTTY,
    columns: terminal.columns,
    rows: terminal.rows,
    write: (chunk: string | Uint8Array) => {
      chunks.push(Buffer.from(chunk as Uint8Array));
      terminal.onOutput?.(chunk.toString());
    },
  });
  const io: CliIo = {
    stdout: into(out),
    stderr: into(err),
    stdin: typeof terminal.stdin === 'object' ? terminal.stdin : oneChunk(terminal.stdin ?? ''),
    env: terminal.env ?? {},
    cwd: terminal.cwd ?? '/nowhere',
    self: ['/usr/bin/node', '/opt/bellows/main.js'],
    signal: terminal.signal ?? new AbortController().signal,
    ...(terminal.onReload === undefined ? {} : { onReload: terminal.onReload }),
    ...(terminal.onEnd === undefined ? {} : { onEnd: terminal.onEnd }),
    ...(terminal.forceSignal === undefined ? {} : { forceSignal: terminal.forceSignal }),
  };
  const deps: CliDeps = {
    startHost: notHere('startHost'),
    checkConfig: notHere('checkConfig'),
    effectiveConfig: notHere('effectiveConfig'),
    compareConfigs: notHere('compareConfigs'),
    editorSchema: notHere('editorSchema'),
    examine: notHere('examine'),
    backUp: notHere('backUp'),
    findHost: async ({ cwd = '' }: HostOptions) => ({ file: `${cwd}/.bellows/host.json`, host: terminal.host ?? null }),
    ...terminal.deps,
  };
  const code = await runCli(argv, io, deps);
  const stdout = Buffer.concat(out).toString();
  return {
    code,
    stdout,
    stderr: Buffer.concat(err).toString(),
    get json() {
      return JSON.parse(stdout);
    },
  };
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
