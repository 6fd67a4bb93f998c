import { nearestName, systemClock } from '@bellows/sdk';
import { RemoteError } from '@bellows/sdk/client';
import type { Command } from 'commander';
import { argumentOf, optionOf } from '../completion/completed-by.js';
import { type CommandContext, tenantOption, usageError } from './command-context.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import type { HostClient } from './host-client.js';
import { readJson } from './json-input.js';
import { collect, countOfAtLeastOne, timeoutOption, wholeNumber } from './option-values.js';
import { printError, printJson, printLine } from './print.js';
import { StateLines } from './state-lines.js';
import { waitUntilEnded } from './wait-until-ended.js';
import {
  type HistoryView,
  hasRunEnded,
  printHistory,
  printRun,
  printRuns,
  RESTING_STAGES,
  RUN_STATUSES,
  type RunListView,
  type RunView,
  statesOf,
} from './workflow-view.js';

interface StartFlags {
  readonly input?: string;
  readonly id?: string;
  readonly definition?: number;
  readonly attr: readonly string[];
  readonly priority?: number;
  readonly wait?: true;
  readonly timeout?: number;
}

interface ListFlags {
  readonly status?: string;
  readonly name?: string;
  readonly attr: readonly string[];
  readonly limit: number;
  readonly cursor?: string;
}

/** Exit codes of the commands that wait. */
const WAIT_HELP =
  '\nExit code: 0 when the run completed, 1 when it ended otherwise, 5 when the time was up first.\nInterrupting (Ctrl-C) ends the waiting only; the run goes on.\n';

/** `bellows workflow …`: definitions and runs of the workflow plugin. */
export function addWorkflowCommands(program: Command, context: CommandContext): void {
  const workflow = program.command('workflow').description('durable workflows of the workflow plugin').addOption(tenantOption());
  addDefine(workflow, context);
  addStart(workflow, context);
  addGetAndWait(workflow, context);
  addList(workflow, context);
  addHistory(workflow, context);
  addSignal(workflow, context);
  addCancel(workflow, context);
}

function addDefine(workflow: Command, context: CommandContext): void {
  workflow
    .command('define')
    .description('add definitions from files; every fault is named with its place')
    .argument('<file...>', 'YAML or JSON files; - takes standard input')
    .addHelpText(
      'after',
      '\nThe same definition again changes nothing; a changed one needs a new version. Files after a faulty one are still defined.\n\nExamples:\n  bellows workflow define flows/order.yaml\n  bellows workflow define flows/*.yaml --json',
    )
    .action(async (files: readonly string[], _options: unknown, command: Command) => {
      // All are read before any is defined: a name mistyped is seen before half of the work is done.
      const texts = await Promise.all(
        files.map(async (file) =>
          file === '-' ? (['standard input', await context.readStdin()] as const) : ([file, await context.readFile(file)] as const),
        ),
      );
      const client = await context.connect(command);
      for (const [file, text] of texts) await defineOne({ context, command, client }, file, text.toString());
    });
}

async function defineOne(
  { context, command, client }: { readonly context: CommandContext; readonly command: Command; readonly client: HostClient },
  file: string,
  yaml: string,
): Promise<void> {
  const { io } = context;
  const json = context.isJson(command);
  try {
    const defined = await client.call<{ name: string; version: number; stages?: number | readonly unknown[] }>('workflow.define', { yaml });
    if (json) return printJson(io.stdout, defined);
    const stages = typeof defined.stages === 'number' ? defined.stages : (defined.stages?.length ?? 0);
    printLine(io.stdout, `${file}: ${defined.name} version ${defined.version}, ${stages} ${stages === 1 ? 'stage' : 'stages'}`);
  } catch (error) {
    // What is wrong with this file; anything else is wrong for all of them.
    if (!(error instanceof RemoteError) || ![400, 409, 413, 422].includes(error.status)) throw error;
    printError(new RemoteError(error.status, { ...error.body, message: `${file}: ${error.message}` }), { io, json });
    if (context.exitCode === EXIT.ok) context.exitCode = exitCodeOf(error);
  }
}

function addStart(workflow: Command, context: CommandContext): void {
  workflow
    .command('start')
    .description('start a run; it is kept even if the host is ended at once')
    .addArgument(argumentOf('<name>', 'a workflow', 'workflow'))
    .option('--input <json>', 'its input: JSON, @file, or - for standard input; {} when left out')
    .option('--id <id>', 'names the run; starting it again with the same input gives the same run')
    .option('--definition <version>', 'the version of the definition; else the newest', wholeNumber)
    .option('--attr <name=value>', 'an attribute to find it by; may be given again', collect, [])
    .option('--priority <number>', 'higher goes first', wholeNumber)
    .option('--wait', 'wait until it has ended')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `${WAIT_HELP}\nExamples:\n  bellows workflow start order --input '{"item":7}'\n  bellows workflow start order --input @order.json --id order-7 --attr customer=acme\n  bellows workflow start order --input - --wait < order.json`,
    )
    .action(async (name: string, flags: StartFlags, command: Command) => {
      if (flags.timeout !== undefined && !flags.wait) throw usageError('--timeout is for --wait.');
      const attributes = attributesOf(flags.attr);
      const input = flags.input === undefined ? {} : await readJson(context, flags.input);
      const client = await context.connect(command);
      const started = await client.call<{ id: string; created: boolean }>('workflow.start', {
        name,
        input,
        ...(flags.id === undefined ? {} : { id: flags.id }),
        ...(flags.definition === undefined ? {} : { version: flags.definition }),
        ...(flags.attr.length === 0 ? {} : { attributes }),
        ...(flags.priority === undefined ? {} : { priority: flags.priority }),
      });
      if (flags.wait) return waitForRun({ context, command, client }, { id: started.id, timeoutMs: flags.timeout });
      if (context.isJson(command)) return printJson(context.io.stdout, started);
      printLine(context.io.stdout, `${started.id}${started.created ? '' : ' (started before)'}`);
    });
}

function addGetAndWait(workflow: Command, context: CommandContext): void {
  workflow
    .command('get')
    .description('show a run and its stages')
    .addArgument(argumentOf('<id>', 'a run', 'run'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const run = await (await context.connect(command)).call<RunView>('workflow.get', { id });
      if (context.isJson(command)) return printJson(context.io.stdout, run);
      printRun(context.io.stdout, run);
    });
  workflow
    .command('wait')
    .description('wait until a run has ended, and show it')
    .addArgument(argumentOf('<id>', 'a run', 'run'))
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `${WAIT_HELP}\nExamples:\n  bellows workflow wait order-7\n  bellows workflow wait order-7 --timeout 60000 --json`,
    )
    .action(async (id: string, { timeout }: { timeout?: number }, command: Command) => {
      await waitForRun({ context, command, client: await context.connect(command) }, { id, timeoutMs: timeout });
    });
}

async function waitForRun(
  { context, command, client }: { readonly context: CommandContext; readonly command: Command; readonly client: HostClient },
  // `good`: what was wanted.
  {
    id,
    timeoutMs,
    good = ['completed'],
  }: { readonly id: string; readonly timeoutMs: number | undefined; readonly good?: readonly string[] },
): Promise<void> {
  const { stdout, stderr } = context.io;
  const json = context.isJson(command);
  const lines = !json && stderr.isTTY ? new StateLines(stderr, RESTING_STAGES) : undefined;
  const { view, ended } = await waitUntilEnded<RunView>(client, {
    operation: 'workflow.wait',
    id,
    clock: systemClock,
    comeBack: `The waiting was interrupted; run ${id} goes on. See it again with "bellows workflow wait ${id}", end it with "bellows workflow cancel ${id}".`,
    what: `run ${id}`,
    hasEnded: hasRunEnded,
    ...(lines === undefined ? {} : { onLook: (run) => lines.show(statesOf(run)) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  context.exitCode = ended ? (good.includes(view.status) ? EXIT.ok : EXIT.failed) : EXIT.deadline;
  if (json) return printJson(stdout, view);
  printRun(stdout, view);
  if (!ended) printLine(stderr, `The time is up; run ${id} goes on.`);
}

function addList(workflow: Command, context: CommandContext): void {
  workflow
    .command('list')
    .description('list runs, newest first')
    .addOption(optionOf('--status <status>', `${RUN_STATUSES.slice(0, -1).join(', ')} or ${RUN_STATUSES.at(-1)}`, RUN_STATUSES))
    .addOption(optionOf('--name <name>', 'only of this workflow', 'workflow'))
    .option('--attr <name=value>', 'only with this attribute; may be given again', collect, [])
    .option('--limit <count>', 'how many', countOfAtLeastOne, 20)
    .option('--cursor <cursor>', 'goes on after the end of an earlier list')
    .addHelpText(
      'after',
      '\nExamples:\n  bellows workflow list --status failed\n  bellows workflow list --name order --attr customer=acme --limit 100 --json',
    )
    .action(async ({ status, name, attr, limit, cursor }: ListFlags, command: Command) => {
      const list = await (await context.connect(command)).call<RunListView>('workflow.list', {
        limit,
        ...(status === undefined ? {} : { status }),
        ...(name === undefined ? {} : { name }),
        ...(attr.length === 0 ? {} : { attributes: attributesOf(attr) }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      if (context.isJson(command)) return printJson(context.io.stdout, list);
      printRuns(context.io.stdout, list);
      if (list.cursor) printLine(context.io.stderr, `There are more: add --cursor ${list.cursor}`);
    });
}

function addHistory(workflow: Command, context: CommandContext): void {
  workflow
    .command('history')
    .description('show the events of a run')
    .addArgument(argumentOf('<id>', 'a run', 'run'))
    .option('--after <seq>', 'only events after this number', wholeNumber, 0)
    .option('--limit <count>', 'how many', countOfAtLeastOne, 1_000)
    .addHelpText('after', '\nExamples:\n  bellows workflow history order-7\n  bellows workflow history order-7 --json    data in full')
    .action(async (id: string, page: { after: number; limit: number }, command: Command) => {
      const history = await (await context.connect(command)).call<HistoryView>('workflow.history', { id, ...page });
      if (context.isJson(command)) return printJson(context.io.stdout, history);
      printHistory(context.io.stdout, history);
      if (history.next !== undefined) printLine(context.io.stderr, `There are more: add --after ${history.next}`);
    });
}

function addSignal(workflow: Command, context: CommandContext): void {
  workflow
    .command('signal')
    .description('send a signal that a stage of the run waits for, or will')
    .addArgument(argumentOf('<id>', 'a run', 'run'))
    .argument('<name>', 'the signal')
    .argument('[payload]', 'JSON, @file, or - for standard input; null when left out')
    .addHelpText('after', '\nExamples:\n  bellows workflow signal order-7 paid\n  bellows workflow signal order-7 paid \'{"amount":12}\'')
    .action(async (id: string, name: string, given: string | undefined, _options: unknown, command: Command) => {
      const payload = given === undefined ? null : await readJson(context, given);
      const answer = await (await context.connect(command)).call<SignalAnswer>('workflow.signal', { id, name, payload });
      if (context.isJson(command)) return printJson(context.io.stdout, answer);
      printLine(context.io.stdout, `Run ${id} has the signal ${name}.`);
      if (answer.awaitedBy?.length === 0) printLine(context.io.stderr, nobodyWaits(name, answer.signals ?? []));
    });
}

interface SignalAnswer {
  /** Stages that wait for it now or will. */
  readonly awaitedBy?: readonly string[];
  /** Names that stages of the run wait for. */
  readonly signals?: readonly string[];
}

function nobodyWaits(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  const hint = near !== undefined ? `; did you mean "${near}"?` : known.length > 0 ? `; its stages wait for: ${known.join(', ')}` : '';
  return `no stage waits for "${name}"${hint}`;
}

function addCancel(workflow: Command, context: CommandContext): void {
  workflow
    .command('cancel')
    .description('cancel a run; what it has done is compensated')
    .addArgument(argumentOf('<id>', 'a run', 'run'))
    .option('--wait', 'wait until it has ended')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      '\nExit code with --wait: 0 when the run ended cancelled or rolled back, 1 when otherwise, 5 when the time was up first.\n\nExamples:\n  bellows workflow cancel order-7\n  bellows workflow cancel order-7 --wait --timeout 60000',
    )
    .action(async (id: string, { wait, timeout }: { wait?: true; timeout?: number }, command: Command) => {
      if (timeout !== undefined && !wait) throw usageError('--timeout is for --wait.');
      const client = await context.connect(command);
      const answer = await client.call<RunView>('workflow.cancel', { id });
      if (wait) return waitForRun({ context, command, client }, { id, timeoutMs: timeout, good: ['cancelled', 'rolled_back'] });
      if (context.isJson(command)) return printJson(context.io.stdout, answer);
      printLine(context.io.stdout, cancelLine(id, answer));
    });
}

function cancelLine(id: string, answer: RunView): string {
  if (!hasRunEnded(answer)) return `Run ${id} is being cancelled; "bellows workflow wait ${id}" shows how it ends.`;
  if (answer.status === 'cancelled') return `Run ${id} was cancelled.`;
  return `Run ${id} has ended: ${answer.status.replaceAll('_', ' ')}.`;
}

function attributesOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw usageError(`${JSON.stringify(pair)} must be name=value.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
