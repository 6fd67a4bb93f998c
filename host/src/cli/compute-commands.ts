import { open, stat } from 'node:fs/promises';
import { RemoteError } from '@bellows/sdk/client';
import { type Command, InvalidArgumentError } from 'commander';
import { argumentOf } from '../completion/completed-by.js';
import { deadlineOption } from './call-command.js';
import { type CommandContext, tenantOption, unreadable, usageError } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { type GuestFile, parseGuestFolder, readGuestFolders, writeGuestFolders } from './guest-folders.js';
import type { HostClient } from './host-client.js';
import { type ModuleView, printLimits, printModule } from './module-view.js';
import { collect } from './option-values.js';
import { plain, printJson, printTable } from './print.js';

/** Below this a module travels inside of the JSON; above it as a file of its own, without base64. */
const INLINE_BYTES = 1024 * 1024;

/** Options that are text also where they look like numbers: an i64 does not fit into a number of JSON. */
const TEXT_OPTIONS: ReadonlySet<string> = new Set(['fuel']);

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
  const compute = program.command('compute').description('WebAssembly modules of the compute plugin').addOption(tenantOption());
  addPut(compute, context);
  addModuleCommands(compute, context);
  addInvoke(compute, context);
}

function addPut(compute: Command, context: CommandContext): void {
  compute
    .command('put')
    .description('keep a module under a name')
    .addArgument(argumentOf('<name>', 'the name to invoke it by', 'module'))
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
      const columns = ['name', 'kind', 'bytes', 'calls', 'hash'].filter(
        (column) => column !== 'calls' || output.modules.some(({ calls }) => calls !== undefined),
      );
      printTable(
        stdout,
        columns.map((column) => (column === 'name' ? 'MODULE' : column.toUpperCase())),
        output.modules.map((module) => columns.map((column) => show(module[column]))),
      );
    });
  compute
    .command('get')
    .description('show a module: its limits, pool, calls and last errors')
    .addArgument(argumentOf('<name>', 'a module', 'module'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const module = await (await context.connect(command)).call<ModuleView>('compute.get', { name });
      if (context.isJson(command)) return printJson(stdout, module);
      printModule(stdout, module);
    });
  compute
    .command('remove')
    .description('remove a module')
    .addArgument(argumentOf('<name>', 'a module', 'module'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const removed = await (await context.connect(command)).call('compute.remove', { name });
      if (context.isJson(command)) return printJson(stdout, removed);
      stdout.write(`The module ${plain(name)} and its limits are removed.\n`);
    });
  compute
    .command('config')
    .description('change options of a module, and show its limits')
    .addArgument(argumentOf('<name>', 'a module', 'module'))
    .argument('<option=value...>', 'for example maxPages=64 deadlineMs=2000')
    .addHelpText('after', '\nExamples:\n  bellows compute config fib maxPages=64 maxPoolSize=20')
    .action(async (name: string, pairs: readonly string[], _options: unknown, command: Command) => {
      const changes = settings(pairs);
      const output = await (await context.connect(command)).call<{ config?: Record<string, unknown> }>('compute.config', {
        ...changes,
        name,
      });
      if (context.isJson(command)) return printJson(stdout, output);
      stdout.write(`The limits of ${plain(name)}, from its next call on:\n`);
      printLimits(stdout, output.config ?? {}, new Set(Object.keys(changes)));
    });
}

function addInvoke(compute: Command, context: CommandContext): void {
  compute
    .command('invoke')
    .description('call an export of a module; prints its results, or what it wrote to standard output')
    .addArgument(argumentOf('<module>', 'a module', 'module'))
    .addArgument(argumentOf('[export]', 'a function it exports', 'export').default('_start'))
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
      const asked = {
        module,
        export: exported,
        ...(args.length === 0 ? {} : exported === '_start' ? { argv: [module, ...args] } : { args: args.map(numberOrText) }),
        ...(input === undefined ? {} : { input: input.toString('base64') }),
        ...(folders.length === 0 ? {} : { files }),
        ...(rest.deadline === undefined ? {} : { deadlineMs: rest.deadline }),
        ...(rest.seed === undefined ? {} : { seed: rest.seed }),
        ...(rest.now === undefined ? {} : { nowMs: rest.now }),
      };
      const output = await client.call<InvokeOutput>('compute.invoke', asked).catch(async (error: unknown) => {
        throw (await forgottenExport(client, error, { module, exported, args })) ?? error;
      });
      await writeGuestFolders(folders, output.files ?? []);
      context.exitCode = (output.exitCode ?? 0) === 0 ? EXIT.ok : EXIT.failed;
      if (context.isJson(command)) return printJson(context.io.stdout, output);
      printOutput(context, output);
    });
}

/** A program called with its argument where the export goes; undefined when that is not what went wrong. */
async function forgottenExport(
  client: HostClient,
  error: unknown,
  { module, exported, args }: { readonly module: string; readonly exported: string; readonly args: readonly string[] },
): Promise<RemoteError | undefined> {
  if (!(error instanceof RemoteError) || error.code !== 'EXPORT_UNKNOWN' || exported === '_start') return undefined;
  // Asked only to explain: when that fails the first error is the one to show.
  const { kind, exports = [] } = await client.call<ModuleView>('compute.get', { name: module }).catch((): ModuleView => ({}));
  if (kind !== 'wasi' || !exports.some(({ name }) => name === '_start')) return undefined;
  const meant = ['bellows compute invoke', module, '_start', exported, ...args].join(' ');
  const { details: _details, ...body } = error.body;
  return new RemoteError(error.status, {
    ...body,
    message: `The program ${module} exports no function ${JSON.stringify(exported)}; arguments come after the export: ${meant}`,
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
      const [option, text] = [pair.slice(0, at), pair.slice(at + 1)];
      if (TEXT_OPTIONS.has(option)) return [option, text];
      try {
        return [option, JSON.parse(text) as unknown];
      } catch {
        return [option, text];
      }
    }),
  );
}

function timestamp(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be milliseconds since 1970.');
}
