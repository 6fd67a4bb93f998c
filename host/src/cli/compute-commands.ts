import { open, stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { deadlineOption } from './call-command.js';
import { type CommandContext, unreadable, usageError } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { type GuestFile, parseGuestFolder, readGuestFolders, writeGuestFolders } from './guest-folders.js';
import type { HostClient } from './host-client.js';
import { printJson, printTable } from './print.js';

/** Below this a module travels inside of the JSON; above it as a file of its own, without base64. */
const INLINE_BYTES = 1024 * 1024;

interface InvokeFlags {
  readonly deadline?: number;
  readonly input?: string;
  readonly dir: readonly string[];
  readonly seed?: string;
  readonly now?: number;
}

interface InvokeOutput {
  readonly results: readonly (number | string)[];
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly files?: readonly GuestFile[];
}

/** `bellows compute …`: the operations of the compute plugin with files and folders of this machine. */
export function addComputeCommands(program: Command, context: CommandContext): void {
  const compute = program.command('compute').description('WebAssembly modules of the compute plugin');
  addPut(compute, context);
  addModuleCommands(compute, context);
  addInvoke(compute, context);
}

function addPut(compute: Command, context: CommandContext): void {
  compute
    .command('put')
    .description('keep a module under a name')
    .argument('<name>', 'the name to invoke it by')
    .argument('<file>', 'a .wasm file')
    .option('--set <option=value>', 'an option of the module, for example maxPages=64; may be given again', collect, [])
    .addHelpText('after', '\nExamples:\n  bellows compute put fib fib.wasm\n  bellows compute put big big.wasm --set maxPages=1024')
    .action(async (name: string, file: string, { set }: { set: readonly string[] }, command: Command) => {
      const config = settings(set);
      const client = await context.connect(command);
      const wasm = await moduleSource(context, client, file);
      const put = await client.call<{ name: string; hash: string; bytes: number }>('compute.put', {
        name,
        wasm,
        ...(Object.keys(config).length === 0 ? {} : { config }),
      });
      if (context.isJson(command)) return printJson(context.io.stdout, put);
      context.io.stdout.write(`${put.name} ${put.hash} ${put.bytes} bytes\n`);
    });
}

function addModuleCommands(compute: Command, context: CommandContext): void {
  const { stdout } = context.io;
  compute
    .command('list')
    .description('list the modules')
    .action(async (_options: unknown, command: Command) => {
      const output = await (await context.connect(command)).call<{ modules: readonly Record<string, unknown>[] }>('compute.list', {});
      if (context.isJson(command)) return printJson(stdout, output);
      const show = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
      printTable(
        stdout,
        ['MODULE', 'KIND', 'BYTES', 'HASH'],
        output.modules.map(({ name, kind, bytes, hash }) => [show(name), show(kind), show(bytes), show(hash)]),
      );
    });
  for (const [verb, what] of [
    ['get', 'show a module: its options, pool and last errors'],
    ['remove', 'remove a module'],
  ] as const) {
    compute
      .command(verb)
      .description(what)
      .argument('<name>', 'a module')
      .action(async (name: string, _options: unknown, command: Command) => {
        printJson(stdout, await (await context.connect(command)).call(`compute.${verb}`, { name }));
      });
  }
  compute
    .command('config')
    .description('change options of a module')
    .argument('<name>', 'a module')
    .argument('<option=value...>', 'for example maxPages=64 deadlineMs=2000')
    .addHelpText('after', '\nExamples:\n  bellows compute config fib maxPages=64 maxPoolSize=20')
    .action(async (name: string, pairs: readonly string[], _options: unknown, command: Command) => {
      const config = settings(pairs);
      printJson(stdout, await (await context.connect(command)).call('compute.config', { ...config, name }));
    });
}

function addInvoke(compute: Command, context: CommandContext): void {
  compute
    .command('invoke')
    .description('call an export of a module; prints its results, or what it wrote to standard output')
    .argument('<module>', 'a module')
    .argument('[export]', 'a function it exports', '_start')
    .argument('[args...]', 'numbers for a function; for _start the arguments of the program')
    .addOption(deadlineOption())
    .option('--input <file>', "the program's standard input; - takes that of this command")
    .option(
      '--dir <host:guest[:ro]>',
      'a folder the program sees; changed files are written back unless :ro; may be given again',
      collect,
      [],
    )
    .option('--seed <text>', 'makes random numbers repeatable')
    .option('--now <ms>', 'the time the program sees, milliseconds since 1970', timestamp)
    .addHelpText(
      'after',
      '\nExit code: 0 when the program ended with 0, 1 when it ended with another code.\n\nExamples:\n  bellows compute invoke fib fib 20\n  bellows compute invoke wordcount _start /texts/a.txt --dir ./texts:/texts:ro\n  bellows compute invoke upper --input notes.txt > NOTES.txt\n  bellows compute invoke wordcount _start -- -l    options of the program come after --',
    )
    .action(async (module: string, exported: string, args: readonly string[], rest: InvokeFlags, command: Command) => {
      const folders = rest.dir.map((text) => parseGuestFolder(text, (file) => context.resolve(file)));
      const files = await readGuestFolders(folders);
      const input = rest.input === undefined ? undefined : await inputBytes(context, rest.input);
      const client = await context.connect(command);
      const output = await client.call<InvokeOutput>('compute.invoke', {
        module,
        export: exported,
        ...(args.length === 0 ? {} : exported === '_start' ? { argv: [module, ...args] } : { args: args.map(numberOrText) }),
        ...(input === undefined ? {} : { input: input.toString('base64') }),
        ...(folders.length === 0 ? {} : { files }),
        ...(rest.deadline === undefined ? {} : { deadlineMs: rest.deadline }),
        ...(rest.seed === undefined ? {} : { seed: rest.seed }),
        ...(rest.now === undefined ? {} : { nowMs: rest.now }),
      });
      await writeGuestFolders(folders, output.files ?? []);
      context.exitCode = (output.exitCode ?? 0) === 0 ? EXIT.ok : EXIT.failed;
      if (context.isJson(command)) return printJson(context.io.stdout, output);
      printOutput(context, output);
    });
}

function printOutput({ io }: CommandContext, { results, stdout, stderr, exitCode = 0 }: InvokeOutput): void {
  if (stdout) io.stdout.write(Buffer.from(stdout, 'base64'));
  if (stderr) io.stderr.write(Buffer.from(stderr, 'base64'));
  for (const result of results ?? []) io.stdout.write(`${result}\n`);
  if (exitCode !== 0) io.stderr.write(`the program ended with exit code ${exitCode}\n`);
}

async function moduleSource(context: CommandContext, client: HostClient, file: string): Promise<string> {
  const resolved = context.resolve(file);
  const found = await stat(resolved).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  if (!found.isFile()) throw unreadable(file, new Error('it is no file'));
  if (found.size <= INLINE_BYTES) return (await context.readFile(file)).toString('base64');
  // Opened before anything is sent: else a file that may not be read would look like a host that hangs up.
  const opened = await open(resolved).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  return (await client.upload(opened.createReadStream())).url;
}

function inputBytes(context: CommandContext, file: string): Promise<Buffer> {
  return file === '-' ? context.readStdin() : context.readFile(file);
}

/** A number where a double holds it exactly as written; else text, which is how the contract writes the others (`-0`, `nan`, i64). */
function numberOrText(text: string): number | string {
  const value = Number(text);
  if (text.trim() !== text || text === '' || !Number.isFinite(value) || Object.is(value, -0)) return text;
  if (/^[+-]?\d+$/.test(text)) return Number.isSafeInteger(value) ? value : text;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? value : text;
}

/** `maxPages=64 persistState=true name=text`: a value is JSON where it is JSON, else text. */
function settings(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw usageError(`${JSON.stringify(pair)} must be option=value.`);
      const text = pair.slice(at + 1);
      try {
        return [pair.slice(0, at), JSON.parse(text) as unknown];
      } catch {
        return [pair.slice(0, at), text];
      }
    }),
  );
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function timestamp(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be milliseconds since 1970.');
}
