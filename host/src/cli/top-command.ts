import { systemClock } from '@bellows/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.js';
import { interruptedError } from './host-client.js';

interface TopFlags {
  readonly once?: true;
  readonly interval: number;
  readonly ascii?: true;
}

/** `bellows top`: a running host, live. */
export function addTopCommand(program: Command, context: CommandContext): void {
  program
    .command('top')
    .description('watch a running host live: machine, subsystems, plugins, decisions')
    .option('--once', 'print one frame as text and end; so it does where standard output is no terminal')
    .option('--interval <ms>', 'between two readings, in milliseconds, from 100 on', interval, 1_000)
    .option('--ascii', 'draw with ASCII only; so it does where the locale is not UTF-8')
    .addHelpText(
      'after',
      '\nKeys: q or Ctrl-C quits, arrows or j and k select a subsystem, Enter explains it, s sorts, p pauses, ? helps.\nWith --json it prints one line for each reading, until it is interrupted. A host that goes away is waited for.\nNO_COLOR leaves out the colours.\n\nExamples:\n  bellows top\n  bellows top --once\n  bellows top --json --interval 5000 >> readings.jsonl',
    )
    .action(async (flags: TopFlags, command: Command) => {
      const { io } = context;
      const isDumb = io.env.TERM === 'dumb';
      const options = {
        io,
        clock: systemClock,
        ascii: flags.ascii === true || !isUtf8(io.env),
        follow: { connect: (signal: AbortSignal) => context.connect(command, signal), intervalMs: flags.interval },
      };
      if (context.isJson(command)) {
        const { printJsonLines } = await import('../top/top-report.js');
        if (!(await printJsonLines(options, { once: flags.once === true }))) throw interruptedError();
      } else if (flags.once || !io.stdout.isTTY || isDumb) {
        const { printFrame } = await import('../top/top-report.js');
        if (!(await printFrame(options))) throw interruptedError();
      } else {
        const { runTopSession } = await import('../top/top-session.js');
        await runTopSession(options);
        if (io.signal.aborted) throw interruptedError();
      }
    });
}

const LEAST_INTERVAL_MS = 100;

function interval(text: string): number {
  const value = Number(text);
  if (/^\d{1,7}$/.test(text) && value >= LEAST_INTERVAL_MS) return value;
  throw new InvalidArgumentError(`It must be a whole number of milliseconds from ${LEAST_INTERVAL_MS} to 9999999.`);
}

/** By the first of the variables that says it, as programs do. */
function isUtf8({ LC_ALL, LC_CTYPE, LANG }: CommandContext['io']['env']): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}
