import { NotFoundError, nearestName, type OperationInfo, type ScalingDecision } from '@bellows/sdk';
import type { Command } from 'commander';
import { argumentOf } from '../completion/completed-by.js';
import type { HostStatus, SubsystemStatus } from '../host-view.js';
import { nearestOperation } from '../operations/nearest-operation.js';
import type { CommandContext } from './command-context.js';
import { shortTime } from './durations.js';
import { explanationOf } from './explanation.js';
import { printOperation } from './operation-view.js';
import { printPlugins } from './plugin-commands.js';
import { plain, printJson, printLine, printTable, printWrappedTable } from './print.js';

/** How many decisions `explain` shows. */
const SHOWN_DECISIONS = 10;

/** `bellows status`, `operations` and `explain`: what a running host knows. */
export function addStatusCommands(program: Command, context: CommandContext): void {
  const { stdout } = context.io;
  program
    .command('status')
    .description('show the host, its plugins and subsystems')
    .option('--link', 'print the link to the page, with the token that lets the browser in, and nothing else')
    .addHelpText('after', '\nExamples:\n  bellows status\n  bellows status --link')
    .action(async ({ link = false }: { link?: boolean }, command: Command) => {
      const client = await context.connect(command);
      const status = { url: client.origin, ...(await client.get<HostStatus>('/v1/status')) };
      const pageUrl = link ? client.pageUrl : undefined;
      if (context.isJson(command)) return printJson(stdout, pageUrl === undefined ? status : { pageUrl });
      if (pageUrl !== undefined) return void stdout.write(`${pageUrl}\n`);
      const { version, ready, pid, machine } = status;
      stdout.write(
        `Bellows ${plain(version)}, ${ready ? 'ready' : 'not ready'}, process ${pid}, since ${shortTime(status.startedAt)} UTC\n`,
      );
      stdout.write(`at ${status.url} (the page: bellows status --link)\n`);
      stdout.write(
        `configuration ${plain(status.configFile ?? 'built in')} (revision ${status.configRevision}), data ${plain(status.dataDir)}\n`,
      );
      const { lastReload } = status;
      if (lastReload !== undefined)
        printLine(stdout, `last reload at ${shortTime(lastReload.at)} UTC ${lastReload.outcome}: ${lastReload.message}`);
      const { tokensRefused } = status;
      if (tokensRefused !== undefined)
        printLine(stdout, `tokens file refused at ${shortTime(tokensRefused.at)} UTC, the earlier tokens hold: ${tokensRefused.message}`);
      stdout.write(`CPU ${percent(machine.cpuRatio)} of ${machine.cores} cores, memory ${percent(machine.memoryRatio)}\n\n`);
      printPlugins(context, status.plugins);
      if (status.subsystems.length === 0) return;
      stdout.write('\n');
      printTable(
        stdout,
        ['SUBSYSTEM', 'IN USE', 'LIMIT', 'CEILING', 'WAITING', 'BACKPRESSURE'],
        status.subsystems.map(({ name, metrics, limits, ceiling, backpressure }) => [
          name,
          String(metrics.inUse),
          String(limits.maxConcurrentOperations),
          String(ceiling),
          String(metrics['queue.depth']),
          backpressure,
        ]),
      );
    });

  program
    .command('operations')
    .description('list the operations, or show what one takes and answers (--json: its schemas)')
    .addArgument(argumentOf('[name]', 'an operation', 'operation'))
    .addHelpText('after', '\nExamples:\n  bellows operations\n  bellows operations compute.invoke')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { operations } = await (await context.connect(command)).get<{ operations: OperationInfo[] }>('/v1/operations');
      const operation = name === undefined ? undefined : named(operations, name);
      if (context.isJson(command)) return printJson(stdout, operation ?? { operations });
      if (operation) return printOperation(stdout, operation);
      printWrappedTable(
        stdout,
        ['OPERATION', 'EFFORT', 'WHAT IT DOES'],
        operations.map(({ name, effort, summary }) => [name, effort, summary]),
      );
    });

  program
    .command('explain')
    .description('say what limits a subsystem now, and why')
    .addArgument(argumentOf('<subsystem>', 'for example compute.wasm', 'subsystem'))
    .addHelpText('after', '\nExamples:\n  bellows explain compute.wasm\n  bellows explain compute.wasm --json')
    .action(async (name: string, _options: unknown, command: Command) => {
      const client = await context.connect(command);
      const { subsystems } = await client.get<HostStatus>('/v1/status');
      const subsystem = subsystemNamed(subsystems, name);
      const query = new URLSearchParams({ subsystem: name, limit: String(SHOWN_DECISIONS) });
      const { decisions } = await client.get<{ decisions: ScalingDecision[] }>(`/v1/decisions?${query}`);
      if (context.isJson(command)) return printJson(stdout, { subsystem, binding: subsystem.binding, decisions });
      explain(context, { subsystem, decisions });
    });
}

function explain(
  { io: { stdout } }: CommandContext,
  { subsystem, decisions }: { readonly subsystem: SubsystemStatus; readonly decisions: readonly ScalingDecision[] },
): void {
  stdout.write(`${plain(subsystem.name)} (plugin ${plain(subsystem.plugin)})\n`);
  for (const [label, text] of explanationOf(subsystem)) stdout.write(`  ${label.padEnd(12)} ${plain(text)}\n`);
  if (decisions.length === 0) return;
  stdout.write('\n');
  printWrappedTable(
    stdout,
    ['AT (UTC)', 'FROM', 'TO', 'LIMITED BY', 'OUTCOME', 'REASON'],
    decisions.map(({ at, from, to, limitedBy, outcome, reason, error }) => [
      shortTime(at),
      String(from),
      String(to),
      limitedBy,
      error === undefined ? outcome : `${outcome} (${error})`,
      reason,
    ]),
  );
}

function subsystemNamed(subsystems: readonly SubsystemStatus[], name: string): SubsystemStatus {
  const found = subsystems.find((subsystem) => subsystem.name === name);
  if (found) return found;
  const known = subsystems.map((subsystem) => subsystem.name);
  throw unknownName('SUBSYSTEM_UNKNOWN', { what: 'subsystem', name, known });
}

function named(operations: readonly OperationInfo[], name: string): OperationInfo {
  const found = operations.find((operation) => operation.name === name);
  if (found) return found;
  throw unknownName('OPERATION_UNKNOWN', {
    what: 'operation',
    name,
    known: operations.map((operation) => operation.name),
    nearest: nearestOperation,
  });
}

function unknownName(
  code: string,
  {
    what,
    name,
    known,
    nearest = nearestName,
  }: { readonly what: string; readonly name: string; readonly known: readonly string[]; readonly nearest?: typeof nearestOperation },
): NotFoundError {
  const near = nearest(name, known);
  const hint = near === undefined ? `there are: ${known.join(', ') || 'none'}` : `did you mean ${near}?`;
  return new NotFoundError(code, `There is no ${what} ${name}; ${hint}`);
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
