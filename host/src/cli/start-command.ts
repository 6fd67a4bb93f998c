import { CancelledError, isBellowsError, type PluginStatus } from '@bellows/sdk';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunningHost } from '../host.js';
import type { HostOptions } from '../host-options.js';
import { pointToLog } from '../shown-faults.js';
import type { CommandContext } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { plain } from './print.js';

interface StartOptions {
  readonly port?: number;
  readonly address?: string;
  readonly logLevel?: NonNullable<HostOptions['logLevel']>;
  readonly untilStdinEnds?: true;
}

/** `bellows start`: runs until it is told to stop. */
export function addStartCommand(program: Command, context: CommandContext): void {
  program
    .command('start')
    .description('start a host and keep it running')
    .option('-p, --port <number>', 'port to listen on; 0 takes a free one (also BELLOWS_PORT)', portNumber)
    .option('--address <address>', 'address to listen on')
    .addOption(new Option('--log-level <level>', 'least important lines to write').choices(['debug', 'info', 'warn', 'error']))
    .option('--until-stdin-ends', 'stop when standard input ends: for programs that start a host and must not leave it behind')
    .addHelpText(
      'after',
      '\nThe first SIGINT (Ctrl-C), SIGTERM or SIGHUP (the terminal closes) stops everything in order and exits 0; a further SIGINT or SIGTERM ends at once with 130, but a SIGTERM within two seconds of another is the same one, passed on. SIGUSR2 reloads the configuration, and so does SIGHUP where the host has no terminal.\n\nExamples:\n  bellows start\n  bellows start --config production.yaml --port 0 --data /var/lib/bellows',
    )
    .action(async (options: StartOptions, command: Command) => {
      context.exitCode = await runHost(context, command, options);
    });
}

async function runHost(context: CommandContext, command: Command, { untilStdinEnds, ...options }: StartOptions): Promise<number> {
  const { io, deps } = context;
  // Read from the beginning: whoever started this may end while the host starts.
  const left = untilStdinEnds ? ended(io.stdin) : new Promise<never>(() => {});
  const force = whenAborted(io.forceSignal).then(() => {
    throw new CancelledError('INTERRUPTED', 'Ended at once by a second signal; what ran was not stopped in order.');
  });
  // It is awaited in races only; alone it must not end the process.
  force.catch(() => {});
  // From the beginning, too: a configuration that changes while the host starts is read as soon as it is up.
  const up = Promise.withResolvers<RunningHost>();
  io.onReload?.(() => void up.promise.then((running) => running.reload('signal')));
  const host = await Promise.race([deps.startHost(context.hostOptions(command, options)), force]).catch((error: unknown) => {
    // It was told to stop and did so in order, only before it was up.
    if (isBellowsError(error) && error.code === 'START_INTERRUPTED') return undefined;
    throw error;
  });
  if (!host) return EXIT.ok;
  up.resolve(host);
  announce(context, command, host);
  const first = await Promise.race([host.stopped, whenAborted(io.signal), left, force]);
  // A host that stopped by itself did so because it could not go on.
  if (first) return first.clean ? EXIT.ok : EXIT.failed;
  const { clean } = await Promise.race([
    host.stop(io.signal.aborted ? 'a signal told the host to stop' : 'whoever started the host has ended'),
    force,
  ]);
  if (!clean) io.stderr.write('error: the host stopped, but not everything ended in time; its log says what\n');
  return clean ? EXIT.ok : EXIT.failed;
}

function announce(context: CommandContext, command: Command, { url, pageUrl, view }: RunningHost): void {
  const { stdout } = context.io;
  const { ready, plugins } = view.ready();
  if (context.isJson(command)) {
    stdout.write(`${JSON.stringify({ ready, url, pageUrl, version: view.version, plugins })}\n`);
    return;
  }
  stdout.write(`Bellows ${view.version} is ${ready ? 'ready' : 'up, but not ready'}: ${pageUrl}\n`);
  for (const plugin of plugins) stdout.write(`  ${pluginLine(plugin)}\n`);
}

function pluginLine({ id, version, state, reason, message }: PluginStatus): string {
  const why = state === 'active' ? '' : ` (${reason}${message === '' ? '' : `: ${plain(pointToLog(message))}`})`;
  return `${id} ${version} ${state}${why}`;
}

function whenAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function ended(stdin: CommandContext['io']['stdin']): Promise<void> {
  try {
    for await (const _chunk of stdin); // what is written there means nothing
  } catch {
    // a pipe that breaks has ended, too
  }
}

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a number from 0 to 65535.');
}
