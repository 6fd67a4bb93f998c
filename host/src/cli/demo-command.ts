import { InvariantError, systemClock } from '@bellows/sdk';
import type { Command } from 'commander';
import { type CommandContext, type GlobalOptions, usageError } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { printJson, printLine } from './print.js';

interface DemoFlags {
  readonly repo?: string;
  readonly keep?: string | true;
  readonly quick?: true;
  readonly hold?: true;
}

/** `bellows demo`: all three plugins at work on a clone of a repository, by a host of its own. */
export function addDemoCommand(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('see all three plugins work on a git repository, and why the governor moved their limits')
    .option('--repo <folder>', 'the git repository to work on a clone of; else the clone of Bellows this belongs to, or the one here')
    .option('--keep [folder]', 'keep what was made: in this folder, or in the temporary one')
    .option('--quick', 'do less, in a few seconds')
    .option('--hold', 'leave the host up after the summary until Ctrl-C')
    .addHelpText(
      'after',
      `
It starts a host of its own, on a free port, with a temporary folder, and works on a clone: your repository and your
bellows.yaml are not touched, and a host that runs already does not matter. Ctrl-C ends it in order at any moment.
Exit code 0 says that everything was done and compared with something else than what made it.

Examples:
  bellows demo
  bellows demo --quick --repo ~/my-project
  bellows demo --keep /tmp/demo --json > demo.json`,
    )
    .action(async (flags: DemoFlags, command: Command) => {
      context.exitCode = await demo(context, command, flags);
    });
}

async function demo(context: CommandContext, command: Command, { repo, keep, quick, hold }: DemoFlags): Promise<number> {
  const { config, data, url } = command.optsWithGlobals<GlobalOptions>();
  if ((config ?? data ?? url) !== undefined) throw usageError('The demo has a host of its own: leave out --config, --data and --url.');
  // Only this command needs them.
  const [{ runDemo }, { ProgressView }, { printReport }] = await Promise.all([
    import('../demo/run-demo.js'),
    import('../demo/progress-view.js'),
    import('../demo/print-report.js'),
  ]);
  const { io } = context;
  const { cwd, env, signal, stdout, stderr } = io;
  const isJson = context.isJson(command);
  const progress = new ProgressView(isJson ? stderr : stdout, { clock: systemClock, env });
  const report = await runDemo({
    repository: repo === undefined ? undefined : context.resolve(repo),
    keep,
    isQuick: quick === true,
    cwd,
    env,
    pid: process.pid,
    uid: process.getuid?.(),
    signal,
    clock: systemClock,
    progress,
    beforeEnd: async (done, lost) => {
      progress.clear();
      if (isJson) printJson(stdout, done);
      else printReport(stdout, done);
      if (hold !== true) return;
      progress.say('\nThe host stays up until Ctrl-C');
      await whenAborted(AbortSignal.any([signal, lost]));
    },
  });
  if (!isJson) stdout.write('\n');
  if (!isJson) printLine(stdout, report.kept === null ? 'Nothing is left behind.' : `Kept in ${report.kept}`);
  if (report.ok) return EXIT.ok;
  throw new InvariantError('DEMO_FAILED', `The demo came to an end, and not everything was as it should be: ${report.problems.join('; ')}`);
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
