import type { OperationInfo } from '@bellows/sdk';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.js';
import { writeOutput } from './output-file.js';
import { printJson, printLine } from './print.js';

/** `bellows client types`: the operations of a running host as TypeScript, for the client of the SDK. */
export function addClientCommands(program: Command, context: CommandContext): void {
  const { stdout } = context.io;
  program
    .command('client')
    .description('help for programs that call a host with @bellows/sdk/client')
    .command('types')
    .description('write what the operations of a running host take and answer as TypeScript')
    .option('--output <file>', 'write this file instead of printing; its folder is made where it is missing')
    .addHelpText('after', '\nExamples:\n  bellows client types --output src/host-operations.ts')
    .action(async ({ output }: { output?: string }, command: Command) => {
      const client = await context.connect(command);
      const { operations } = await client.get<{ operations: readonly OperationInfo[] }>('/v1/operations');
      const { printOperationTypes } = await import('../client-types/print-operation-types.js');
      const text = printOperationTypes(operations);
      if (output === undefined) {
        stdout.write(text);
        return;
      }
      await writeOutput(context.resolve(output), text, output);
      if (context.isJson(command)) return printJson(stdout, { file: output, operations: operations.length });
      printLine(stdout, `${output}: ${operations.length} operations`);
    });
}
