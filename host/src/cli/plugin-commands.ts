import type { PluginStatus } from '@bellows/sdk';
import type { Command } from 'commander';
import { argumentOf } from '../completion/completed-by.js';
import { pointToLog } from '../shown-faults.js';
import type { CommandContext } from './command-context.js';
import { shortTime } from './durations.js';
import { EXIT } from './exit-codes.js';
import { printJson, printWrappedTable } from './print.js';

/** `bellows plugins` and `bellows plugins restart`. */
export function addPluginCommands(program: Command, context: CommandContext): void {
  const { stdout } = context.io;
  const plugins = program
    .command('plugins')
    .description('list the plugins and their states')
    .addHelpText('after', '\nExamples:\n  bellows plugins\n  bellows plugins restart workflow')
    .action(async (_options: unknown, command: Command) => {
      const answer = await (await context.connect(command)).get<{ plugins: PluginStatus[] }>('/v1/plugins');
      if (context.isJson(command)) return printJson(stdout, answer);
      printPlugins(context, answer.plugins);
    });

  plugins
    .command('restart')
    .description('stop a plugin, and what needs it, and start them again as they are')
    .addArgument(argumentOf('<id>', 'the plugin', 'plugin'))
    .addHelpText(
      'after',
      '\nCalls that run end first, or after half of the plugin\u2019s stopTimeoutMs with OPERATION_STOPPING. Exit code 4 when it does not come back.\n\nExamples:\n  bellows plugins restart workflow',
    )
    .action(async (id: string, _options: unknown, command: Command) => {
      const client = await context.connect(command);
      const status = await client.post<PluginStatus>(`/v1/plugins/${encodeURIComponent(id)}/restart`, {});
      if (status.state !== 'active' && status.state !== 'degraded') context.exitCode = EXIT.refused;
      if (context.isJson(command)) return printJson(stdout, status);
      printPlugins(context, [status]);
    });
}

export function printPlugins({ io: { stdout } }: CommandContext, plugins: readonly PluginStatus[]): void {
  printWrappedTable(
    stdout,
    ['PLUGIN', 'VERSION', 'STATE', 'SINCE (UTC)', 'REVISION', 'REASON'],
    plugins.map((plugin) => [
      plugin.id,
      plugin.version,
      plugin.state,
      shortTime(plugin.since),
      String(plugin.configRevision),
      reasonOf(plugin),
    ]),
  );
}

/** With the last attempt where it says something else: a plugin may run well with what it had, because it refused what it was to take. */
function reasonOf({ state, reason, message, lastAttempt }: PluginStatus): string {
  const now = message === '' || state === 'active' ? reason : `${reason}: ${pointToLog(message)}`;
  if (lastAttempt === undefined || lastAttempt.message === message) return now;
  return `${now}; last failure at ${shortTime(lastAttempt.at)}: ${pointToLog(lastAttempt.message)}`;
}
