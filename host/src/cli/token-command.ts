import { createHash, randomBytes } from 'node:crypto';
import { ROLES } from '@bellows/sdk';
import { type Command, Option } from 'commander';
import { NAME_VALUE } from '../http/name-value.js';
import { type CommandContext, usageError } from './command-context.js';
import { printJson } from './print.js';

/** `bellows token new`: the token is shown once and kept nowhere; the tokens file gets its hash. */
export function addTokenCommands(program: Command, context: CommandContext): void {
  const { stdout, stderr } = context.io;
  program
    .command('token')
    .description('tokens for hosts that listen beyond this machine')
    .command('new')
    .description('make a token and the entry for the tokens file (host.tokensFile)')
    .addOption(new Option('--role <role>', 'what its bearer may do').choices([...ROLES]).makeOptionMandatory())
    .option('--name <name>', 'who bears it; shown in logs and limits')
    .option('--tenant <tenant>', 'the one tenant it is for; an admin may name others')
    .option('--user <user>', 'the one user it is for')
    .addHelpText('after', '\nExamples:\n  bellows token new --role operator --name ci >> tokens.yaml')
    .action(({ role, name = role, tenant, user }: TokenFlags, command: Command) => {
      if (name.length < 1 || name.length > 200) throw usageError('--name must be 1 to 200 characters.');
      const token = randomBytes(32).toString('base64url');
      const sha256 = createHash('sha256').update(token).digest('hex');
      const bound = [...bindingText('tenant', tenant), ...bindingText('user', user)].join('');
      if (context.isJson(command)) return printJson(stdout, { token, entry: { name, role, sha256, tenant, user } });
      // Apart, so that the entry can be appended to a file while the token is read.
      stderr.write(`The token, shown only now: ${token}\nIts entry for the tokens file:\n`);
      stdout.write(`- { name: ${JSON.stringify(name)}, role: ${role}, sha256: ${sha256}${bound} }\n`);
    });
}

interface TokenFlags {
  readonly role: string;
  readonly name?: string;
  readonly tenant?: string;
  readonly user?: string;
}

/** What the host would refuse in the file is refused here. */
function bindingText(what: string, value: string | undefined): string[] {
  if (value === undefined) return [];
  if (!NAME_VALUE.test(value)) throw usageError(`--${what} must be 1 to 200 printable ASCII characters.`);
  return [`, ${what}: ${JSON.stringify(value)}`];
}
