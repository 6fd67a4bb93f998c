import { CRITICALITIES } from '@bellows/sdk';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { argumentOf } from '../completion/completed-by.js';
import { type CommandContext, tenantOption, usageError } from './command-context.js';
import { readJson } from './json-input.js';
import { printJson } from './print.js';

interface CallFlags {
  readonly user?: string;
  readonly criticality?: string;
  readonly deadline?: number;
  readonly idempotencyKey?: string;
}

/** `bellows call`: any operation by its name. Prints the output and nothing else. */
export function addCallCommand(program: Command, context: CommandContext): void {
  program
    .command('call')
    .description('call an operation and print its output')
    .addArgument(argumentOf('<name>', 'the operation, for example compute.list', 'operation'))
    .argument('[input]', 'JSON, @file, or - for standard input; {} when left out')
    .addOption(tenantOption())
    .option('--user <name>', 'the user inside of the tenant')
    .addOption(new Option('--criticality <class>', 'what may be refused first under load').choices([...CRITICALITIES]))
    .addOption(deadlineOption())
    .option('--idempotency-key <key>', 'names this piece of work: called again with the key, the work is not done twice')
    .addHelpText(
      'after',
      '\nExamples:\n  bellows call compute.list\n  bellows call compute.get \'{"name":"fib"}\'\n  bellows call compute.put @module.json --json\n  cat input.json | bellows call compute.invoke - --deadline 2000',
    )
    .action(async (name: string, input: string | undefined, flags: CallFlags, command: Command) => {
      const value = input === undefined ? {} : await readJson(context, input);
      const client = await context.connect(command);
      printJson(context.io.stdout, await client.call(name, value, headersOf(flags)));
    });
}

export function deadlineOption(): Option {
  return new Option('--deadline <ms>', 'how long to wait, in milliseconds').argParser((text) => {
    if (/^[1-9]\d{0,11}$/.test(text)) return Number(text);
    throw new InvalidArgumentError('It must be a whole number of milliseconds of at least 1.');
  });
}

function headersOf(flags: CallFlags): Record<string, string> {
  const named = {
    'bellows-user': flags.user,
    'bellows-criticality': flags.criticality,
    'bellows-deadline-ms': flags.deadline?.toString(),
    'idempotency-key': flags.idempotencyKey,
  };
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(named)) {
    if (value === undefined) continue;
    // What a header cannot carry would fail deep inside of the client.
    if (!/^[\x20-\x7e]+$/.test(value)) throw usageError(`${name} must be printable ASCII.`);
    headers[name] = value;
  }
  return headers;
}
