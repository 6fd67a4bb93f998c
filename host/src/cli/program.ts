import { Command, CommanderError } from 'commander';
import { HOST_VERSION } from '../version.js';
import { addAbsentCommands } from './absent-commands.js';
import { addBackupCommand } from './backup-command.js';
import { addCallCommand } from './call-command.js';
import type { CliDeps, CliIo } from './cli-deps.js';
import { addClientCommands } from './client-command.js';
import { CommandContext } from './command-context.js';
import { addCompletionCommand } from './completion-command.js';
import { addComputeCommands } from './compute-commands.js';
import { addConfigCommands } from './config-commands.js';
import { addDemoCommand } from './demo-command.js';
import { addDoctorCommand } from './doctor-command.js';
import { EXIT_CODE_HELP, exitCodeOf } from './exit-codes.js';
import { addHarnessCommands } from './harness-commands.js';
import { hostDeps } from './host-deps.js';
import { addPluginCommands } from './plugin-commands.js';
import { printError } from './print.js';
import { addReloadCommand } from './reload-command.js';
import { addStartCommand } from './start-command.js';
import { addStatusCommands } from './status-commands.js';
import { addTokenCommands } from './token-command.js';
import { addTopCommand } from './top-command.js';
import { refuseUnknown, usageExit } from './usage-faults.js';
import { addWorkflowCommands } from './workflow-commands.js';

/**
 * Runs one command line (without `node` and the script) and answers the exit code; never throws, never ends the process,
 * reads and writes only through `io`. `start` resolves when the host has stopped.
 */
export async function runCli(argv: readonly string[], io: CliIo, deps: CliDeps = hostDeps(io)): Promise<number> {
  // After -- come the words of others: of a program in compute, of an agent.
  const json = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined).includes('--json');
  const context = new CommandContext(io, deps);
  // What commander writes of a wrong command line: it is told with the error, in the order and the form of all others.
  let written = '';
  const program = buildProgram(context, (text) => (written += text));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, { written, argv, io, json, program });
    printError(error, { io, json });
    return exitCodeOf(error);
  }
}

/** The commands, in the order of `--help`. */
function buildProgram(context: CommandContext, writeErr: (text: string) => void): Command {
  const { stdout } = context.io;
  const program = new Command('bellows')
    .description('Runs and asks a Bellows host: plugins whose subsystems scale themselves.')
    .version(HOST_VERSION, '-V, --version', 'print the version')
    .option(
      '-c, --config <file>',
      'the configuration (also BELLOWS_CONFIG; else bellows.yaml here, or in the nearest folder above that has one)',
    )
    .option('-d, --data <folder>', 'the data folder, by which a running host is found (also BELLOWS_DATA; else .bellows)')
    .option('-u, --url <url>', 'the host to ask (also BELLOWS_URL); its token comes from the data folder or BELLOWS_TOKEN')
    .option('--json', 'print JSON for programs, errors too')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr,
      outputError: () => {},
    })
    .showHelpAfterError('(add --help for what is possible)')
    .exitOverride()
    .addHelpText(
      'after',
      `\nExamples:\n  bellows demo\n  bellows start\n  bellows status\n  bellows compute put fib fib.wasm\n  bellows compute invoke fib fib 20\n  bellows workflow define flows/order.yaml\n  bellows workflow start order --input '{"item":7}' --wait\n  bellows harness run --issues ISSUES.md --verify "npm test" -- my-agent\n  bellows call compute.list --json\n${EXIT_CODE_HELP}`,
    );
  addDemoCommand(program, context);
  addStartCommand(program, context);
  addConfigCommands(program, context);
  addStatusCommands(program, context);
  addPluginCommands(program, context);
  addReloadCommand(program, context);
  addCallCommand(program, context);
  addComputeCommands(program, context);
  addWorkflowCommands(program, context);
  addHarnessCommands(program, context);
  addTokenCommands(program, context);
  addClientCommands(program, context);
  addTopCommand(program, context);
  addBackupCommand(program, context);
  addDoctorCommand(program, context);
  addCompletionCommand(program, context);
  addAbsentCommands(program, context);
  for (const group of program.commands) if (group.commands.length > 0) refuseUnknown(group);
  return program;
}
