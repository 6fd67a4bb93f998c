import path from 'node:path';
import type { InputError } from '@bellows/sdk';
import type { Command } from 'commander';
import type { HostStatus } from '../host-view.js';
import { type CommandContext, usageError } from './command-context.js';

/**
 * `stop`, `restart` and `logs`: what people look for who know other services, and what a host that runs in the foreground leaves to
 * whoever keeps it running. They are in no list; each ends with an error (`USAGE`) that says what to do instead.
 */
export function addAbsentCommands(program: Command, context: CommandContext): void {
  add('stop', async (command) => `${await howToStop(context, command)}.`);
  add(
    'restart',
    async (command) =>
      `${await howToStop(context, command)}, and start it as before. Without a stop, "bellows reload" takes over what was changed, and "bellows plugins restart" starts one plugin anew.`,
  );
  add('logs', async (command) => {
    if (context.namesHost(command)) return 'the log is on the machine of the host: logs/host.log in its data folder.';
    return `the log is ${await logFile(context, command)}, one line of JSON for each event.`;
  });

  function add(name: string, instead: (command: Command) => Promise<string>): void {
    program
      .command(name, { hidden: true })
      .description('is no command: says what to do instead')
      .allowUnknownOption()
      .allowExcessArguments()
      .action(async (_options: unknown, command: Command) => {
        throw absent(name, await instead(command));
      });
  }
}

function absent(name: string, instead: string): InputError {
  return usageError(`There is no command ${name}: ${instead}`);
}

/** Of the host that answers: what a host that was killed has left says nothing about a process of today. */
async function howToStop(context: CommandContext, command: Command): Promise<string> {
  const { pid } = await (await context.connect(command)).get<HostStatus>('/v1/status');
  const told = `stop the host with Ctrl-C where it runs, or with SIGTERM to process ${pid}`;
  if (context.namesHost(command)) return `${told} of its machine`;
  return `${told} (its log is ${await logFile(context, command)})`;
}

async function logFile(context: CommandContext, command: Command): Promise<string> {
  const { file } = await context.deps.findHost(context.hostOptions(command));
  return path.join(path.dirname(file), 'logs', 'host.log');
}
