import { NotReadyError } from '@bellows/sdk';
import type { Command } from 'commander';
import { type CommandContext, usageError } from './command-context.js';
import { HostClient, interruptedError } from './host-client.js';
import { printJson, printLine, printTable } from './print.js';
import { sizeOf } from './short-value.js';

/** `bellows backup`: a copy of the data folder, also of a host that goes on running. */
export function addBackupCommand(program: Command, context: CommandContext): void {
  const { io, deps } = context;
  program
    .command('backup')
    .description('copy the data folder of the host here, which may go on running, into a new folder')
    .argument('<folder>', 'where to put it; not there yet, or empty')
    .addHelpText(
      'after',
      '\nThe folder is there whole, or not at all. To restore it, stop the host, move its data folder away and copy the backup there.\nLeft out: logs, the lock and the token of the running host, checkouts of git. The host is found by its data folder, not by its address.\n\nExamples:\n  bellows backup backups/monday\n  bellows backup --data /var/lib/bellows /mnt/backups/monday --json',
    )
    .action(async (folder: string, _options: unknown, command: Command) => {
      if (folder === '') throw usageError('The folder of the backup has no name.');
      if (command.optsWithGlobals<{ readonly url?: string }>().url !== undefined) {
        throw usageError('A backup is made from the data folder of a host on this machine: name that with --data, and leave --url out.');
      }
      const options = context.hostOptions(command);
      const connect = async () => {
        const { file, host } = await deps.findHost(options);
        if (host === null)
          throw new NotReadyError(
            'HOST_UNREACHABLE',
            `A host holds the data folder, but ${file} does not say where it listens: try again.`,
          );
        const client = new HostClient({ ...host, signal: io.signal });
        return {
          operations: async () => {
            const { operations } = await client.get<{ operations: readonly { readonly name: string }[] }>('/v1/operations');
            return operations.map(({ name }) => name);
          },
          call: (name: string, input: unknown) => client.call(name, input),
        };
      };
      const report = await deps.backUp(options, { folder: context.resolve(folder), connect, signal: io.signal }).catch((error: unknown) => {
        throw io.signal.aborted ? interruptedError() : error;
      });
      if (context.isJson(command)) return printJson(io.stdout, report);
      printLine(io.stdout, `${report.folder} is a backup of the host, which ${report.running ? 'goes on' : 'does not run'}.`);
      printTable(
        io.stdout,
        ['FILE', 'SIZE'],
        report.files.map(({ path, bytes }) => [path, sizeOf(bytes)]),
      );
    });
}
