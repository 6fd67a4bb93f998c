import type { ErrorDetail } from '@bellows/sdk';
import type { Command } from 'commander';
import { configError } from '../config-error.js';
import type { CommandContext } from './command-context.js';
import { printJson, printWrappedTable } from './print.js';

/** `bellows check` and `bellows config print`: what a start would say and use, without starting anything. */
export function addConfigCommands(program: Command, context: CommandContext): void {
  const { io, deps } = context;
  program
    .command('check')
    .description('check the configuration and the plugins it names, without starting anything')
    .addHelpText('after', '\nExamples:\n  bellows check\n  bellows check --config production.yaml --json')
    .action(async (_options: unknown, command: Command) => {
      const { problems, plugins, file } = await deps.checkConfig(context.hostOptions(command));
      if (problems.length > 0) throw configError(problems, file);
      if (context.isJson(command)) return printJson(io.stdout, { ok: true, plugins });
      io.stdout.write(`The configuration${file === undefined ? '' : ` ${file}`} is valid.\n`);
      for (const { id, version, from } of plugins) io.stdout.write(`  ${id} ${version} from ${from}\n`);
    });

  const config = program.command('config').description('the configuration of a host');
  config
    .command('print')
    .description('print every option in force and where it comes from; secrets are hidden')
    .addHelpText('after', '\nExamples:\n  bellows config print\n  BELLOWS_PORT=8080 bellows config print --json')
    .action(async (_options: unknown, command: Command) => {
      const { entries, problems } = await deps.effectiveConfig(context.hostOptions(command));
      refuseProblems(problems);
      if (context.isJson(command)) return printJson(io.stdout, { entries });
      printWrappedTable(
        io.stdout,
        ['OPTION', 'VALUE', 'FROM'],
        entries.map(({ path, value, origin }) => [path, JSON.stringify(value) ?? '', origin]),
      );
    });
}

function refuseProblems(problems: readonly ErrorDetail[]): void {
  if (problems.length > 0) throw configError(problems);
}
