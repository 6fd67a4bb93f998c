import { nearestName } from '@bellows/sdk';
import type { Command, CommanderError } from 'commander';
import type { CliIo } from './cli-deps.js';
import { usageError } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { printError } from './print.js';

/** Commander does not say of which group a command is missing, and takes one for an argument where the group does something alone. */
export function refuseUnknown(group: Command): void {
  group.on('command:*', ([given = '']: readonly string[]) => {
    throw unknownIn(group, given);
  });
  group.allowExcessArguments();
  group.hook('preAction', (_group, command) => {
    const given = group.args[group.registeredArguments.length];
    if (command === group && given !== undefined) throw unknownIn(group, given);
  });
}

/** What commander wrote of a command line: a help, shown instead of what was asked for, or a hint below an error. */
export interface UsageFault {
  readonly written: string;
  readonly argv: readonly string[];
  readonly io: CliIo;
  readonly json: boolean;
  readonly program: Command;
}

/** Tells what commander did not take and answers the exit code. Help and version were asked for; anything else is a wrong command line. */
export function usageExit(error: CommanderError, { written, argv, io, json, program }: UsageFault): number {
  if (error.exitCode === 0) return EXIT.ok;
  const isHelp = error.code === 'commander.help';
  const unknownTopic = isHelp ? unknownHelpTopic(argv, program) : undefined;
  const show = () => (json || unknownTopic !== undefined ? undefined : io.stderr.write(written));
  // the help above, where a terminal leaves it out of sight first; the hint below
  if (isHelp) show();
  printError(usageError(unknownTopic ?? (isHelp ? 'A command is missing; --help lists them.' : sentence(error.message))), { io, json });
  if (!isHelp) show();
  return EXIT.usage;
}

function unknownIn(group: Command, given: string) {
  const near = nearestName(given, visibleNames(group));
  const hint = near === undefined ? `"bellows ${group.name()} --help" lists them` : `did you mean ${near}?`;
  return usageError(`"bellows ${group.name()}" has no command ${JSON.stringify(given)}; ${hint}`);
}

/** Commander shows the whole help for a command it does not know, and does not say why. */
function unknownHelpTopic(argv: readonly string[], program: Command): string | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  const [topic] = words.slice(words.indexOf('help') + 1);
  if (!words.includes('help') || topic === undefined) return undefined;
  const group = words[0] === 'help' ? program : (program.commands.find((command) => command.name() === words[0]) ?? program);
  if (group !== program) return unknownIn(group, topic).message;
  const near = nearestName(topic, visibleNames(program));
  return `There is no command ${topic}${near === undefined ? '; --help lists them.' : `; did you mean ${near}?`}`;
}

function visibleNames(group: Command): string[] {
  return group
    .createHelp()
    .visibleCommands(group)
    .map((command) => command.name());
}

/** On one line, as all errors are. */
function sentence(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.+)\?\)$/, '; did you mean $1?')
    .trim();
}
