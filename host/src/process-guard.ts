import { closeSync, openSync } from 'node:fs';
import { type IClock, PluginError } from '@bellows/sdk';
import { currentPluginScope } from './plugin-scope.js';
import { ENDING_SIGNALS, SignalLaw, type SignalWish } from './signal-law.js';

/** What of the process the command line may touch. */
export interface GuardedProcess {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP: end in order. */
  readonly signal: AbortSignal;
  /** Aborts at the second, which a SIGHUP and a copy of a SIGTERM never are: end at once. The third ends the process itself, whatever hangs. */
  readonly forceSignal: AbortSignal;
  /**
   * Told of SIGUSR2, and of SIGHUP where no terminal could have closed: read the configuration anew. Without a listener the first means
   * nothing and the second an end.
   */
  onReload: (() => void) | undefined;
  /** Who is told of errors nobody caught; without a listener they end the process. */
  onFault: ((pluginId: string | undefined, error: unknown) => void) | undefined;
  /** Ends the process after what was written has left it. */
  exit(code: number): void;
}

/** The exit code of a process that was interrupted: 128 + SIGINT, as shells report it. */
const INTERRUPTED = 130;
/** As any operation that failed. */
const OUTPUT_LOST = 1;
/** What writing into a pipe says that nobody reads any more; the last two on Windows and after the first. A closed terminal says EIO. */
const READER_GONE: ReadonlySet<string> = new Set(['EPIPE', 'EOF', 'ERR_STREAM_DESTROYED']);
/** Windows has no such signal. */
const RELOAD_SIGNAL = 'SIGUSR2';
/** Any delay does; this is the longest one that timers take. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;

/**
 * Takes charge of how this process ends: signals ask for an orderly stop, a plugin that calls `process.exit` gets an error
 * instead (it would take everyone with it), and errors nobody caught are charged to the plugin they came from.
 */
export function guardProcess(clock: IClock): GuardedProcess {
  const orderly = new AbortController();
  const forced = new AbortController();
  const end = process.exit.bind(process);
  const exit = (code?: number): never => {
    // Ending waits for threads, and one may hang at a disk for ever: from here on a signal ends the process as any other. Only a copy of
    // the SIGTERM that made it end must not: the process would seem to have been killed.
    for (const signal of ENDING_SIGNALS) if (signal !== 'SIGTERM' || !law.expectsCopies) process.removeAllListeners(signal);
    return end(code);
  };
  let outputLost: string | undefined;
  const guarded: GuardedProcess = {
    signal: orderly.signal,
    forceSignal: forced.signal,
    onReload: undefined,
    onFault: undefined,
    exit: (code) =>
      flushThen(() => {
        if (outputLost !== undefined) process.stderr.write(`error: not all of the output could be written (${outputLost})\n`);
        exit(code === 0 && outputLost !== undefined ? OUTPUT_LOST : code);
      }),
  };

  // The timers of the clock keep no process alive: without this one, waiting for a plugin that hangs would end it unseen.
  setInterval(() => {}, KEEP_ALIVE_MS);
  const wishes: Record<SignalWish, (signal: string) => void> = {
    stop: (signal) => orderly.abort(signal),
    force: (signal) => forced.abort(signal),
    end: () => exit(INTERRUPTED),
    reload: () => guarded.onReload?.(),
  };
  const law = new SignalLaw({
    clock,
    canLoseTerminal: hasTerminal(),
    takesReloads: () => guarded.onReload !== undefined,
    obey: (wish, signal) => wishes[wish](signal),
  });
  for (const signal of ENDING_SIGNALS) process.on(signal, () => law.hear(signal));
  if (process.platform !== 'win32') process.on(RELOAD_SIGNAL, () => law.hear(RELOAD_SIGNAL));
  // Whoever read our output has gone (`bellows start | head`). That is no fault: what is written from now on goes nowhere, the log
  // file still has it. As an uncaught error it would be logged, and the line would fail again, without end.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
      const isReaderGone = READER_GONE.has(code) || (code === 'EIO' && stream.isTTY);
      // A disk that is full is no reader that has seen enough: who redirected the output must learn that it is not whole.
      if (stream === process.stdout && !isReaderGone) outputLost = code;
    });
  }
  const onFault = (error: unknown) => {
    const plugin = currentPluginScope()?.pluginId;
    if (guarded.onFault) return guarded.onFault(plugin, error);
    process.stderr.write(
      `error: an error nobody caught${plugin ? ` in plugin ${plugin}` : ''}: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    exit(1);
  };
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
  process.exit = ((code?: number) => {
    const scope = currentPluginScope();
    if (!scope) return exit(code);
    throw new PluginError(
      'PLUGIN_EXIT',
      `plugin ${scope.pluginId} called process.exit(${code ?? ''}) in ${scope.phase}: throw an error instead`,
      {
        plugin: scope.pluginId,
        phase: scope.phase,
      },
    );
  }) as typeof process.exit;
  return guarded;
}

/**
 * Whether a terminal controls this process, wherever its output goes: only then can a SIGHUP say that one has closed. Windows sends it
 * for its consoles only.
 */
function hasTerminal(): boolean {
  if (process.platform === 'win32') return true;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/** A pipe may still hold what was written: leaving at once would cut it off. A failed write is told after its callback. */
function flushThen(done: () => void): void {
  process.stdout.write('', () => process.stderr.write('', () => setImmediate(done)));
}
