import path from 'node:path';
import type { ErrorDetail } from '@bellows/sdk';
import type { Command } from 'commander';
import { configError } from '../config-error.js';
import type { ReloadPreview } from '../reload/reload-report.js';
import { type CommandContext, usageError } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { writeOutput } from './output-file.js';
import { printJson, printLine, printWrappedTable } from './print.js';
import { printChanges, printPreview } from './reload-command.js';

/** `bellows check` and `bellows config …`: what a start would say and use, without starting anything. */
export function addConfigCommands(program: Command, context: CommandContext): void {
  const { io, deps } = context;
  program
    .command('check')
    .description('check the configuration and the plugins it names, without starting anything')
    .addHelpText('after', '\nExamples:\n  bellows check\n  bellows check --config production.yaml --json')
    .action(async (_options: unknown, command: Command) => {
      const { problems, plugins, warnings, file } = await deps.checkConfig(context.hostOptions(command));
      if (problems.length > 0) throw configError(problems, file);
      if (context.isJson(command)) return printJson(io.stdout, { ok: true, plugins, warnings });
      io.stdout.write(`The configuration${file === undefined ? '' : ` ${file}`} is valid.\n`);
      for (const { id, version, from } of plugins) io.stdout.write(`  ${id} ${version} from ${from}\n`);
      for (const text of warnings) printLine(io.stdout, `warning: ${text}`);
    });

  const config = program.command('config').description('the configuration of a host');
  config
    .command('print')
    .description('print every option as a start would use it now, and where it comes from; secrets are hidden')
    .addHelpText('after', '\nExamples:\n  bellows config print\n  BELLOWS_PORT=8080 bellows config print --json')
    .action(async (_options: unknown, command: Command) => {
      const { entries, problems, file } = await deps.effectiveConfig(context.hostOptions(command));
      refuseProblems(problems, file);
      if (context.isJson(command)) return printJson(io.stdout, { entries });
      printWrappedTable(
        io.stdout,
        ['OPTION', 'VALUE', 'FROM'],
        entries.map(({ path, value, origin }) => [path, JSON.stringify(value) ?? '', origin]),
      );
    });
  addDiffCommand(config, context);
  addSchemaCommand(config, context);
}

function addDiffCommand(config: Command, context: CommandContext): void {
  const { io, deps } = context;
  config
    .command('diff')
    .description('show what differs between two configuration files, or between the running host and its file, and how it takes effect')
    .argument('[from]', 'a configuration file')
    .argument('[to]', 'another one')
    .option('--exit-code', 'exit with 1 when something differs')
    .addHelpText(
      'after',
      '\nWithout files the running host is asked what a reload would change now. Values from the environment and from files are hidden.\n\nExamples:\n  bellows config diff\n  bellows config diff bellows.yaml next.yaml --exit-code --json',
    )
    .action(async (from: string | undefined, to: string | undefined, { exitCode = false }: { exitCode?: boolean }, command: Command) => {
      if (from !== undefined && to === undefined)
        throw usageError('A second file is missing: name two files, or none for the running host.');
      const differs = from !== undefined && to !== undefined ? await betweenFiles(from, to) : await fromRunning();
      if (exitCode && differs) context.exitCode = EXIT.failed;

      async function betweenFiles(before: string, after: string): Promise<boolean> {
        const options = context.hostOptions(command);
        const { problems, changes } = await deps.compareConfigs({ ...options, configFile: before }, { ...options, configFile: after });
        if (problems.length > 0) throw configError(problems, undefined, 'compared');
        if (context.isJson(command)) printJson(io.stdout, { changes });
        else if (changes.length === 0) printLine(io.stdout, 'Nothing differs.');
        else printChanges(context, changes);
        return changes.length > 0;
      }

      async function fromRunning(): Promise<boolean> {
        const preview = await (await context.connect(command)).post<ReloadPreview>('/v1/reload', { dryRun: true });
        if (preview.problems.length > 0) throw configError(preview.problems, undefined, 'compared');
        if (context.isJson(command)) printJson(io.stdout, preview);
        else printPreview(context, preview);
        return preview.changes.length > 0 || preview.steps.some(({ action }) => action !== 'keep');
      }
    });
}

function addSchemaCommand(config: Command, context: CommandContext): void {
  const { io, deps } = context;
  config
    .command('schema')
    .description('print the JSON Schema of bellows.yaml with the options of the plugins that it names, for editors')
    .option('-o, --output <file>', 'write this file instead of printing; its folder is made where it is missing')
    .addHelpText(
      'after',
      '\nPut "# yaml-language-server: $schema=bellows.schema.json" on the first line of bellows.yaml: editors then complete and check it.\n\nExamples:\n  bellows config schema --output bellows.schema.json',
    )
    .action(async ({ output }: { output?: string }, command: Command) => {
      const { schema, problems } = await deps.editorSchema(context.hostOptions(command));
      refuseProblems(problems);
      const text = `${JSON.stringify(schema, null, 2)}\n`;
      if (output === undefined) return void io.stdout.write(text);
      const file = path.resolve(io.cwd, output);
      await writeOutput(file, text, output);
      if (context.isJson(command)) printJson(io.stdout, { file });
      else io.stdout.write(`Written to ${file}\n`);
    });
}

function refuseProblems(problems: readonly ErrorDetail[], file?: string): void {
  if (problems.length > 0) throw configError(problems, file, 'printed');
}
