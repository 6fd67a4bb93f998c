import { systemClock } from '@bellows/sdk';
import { type Command, Option } from 'commander';
import { argumentOf } from '../completion/completed-by.js';
import { type CommandContext, tenantOption, usageError } from './command-context.js';
import { EXIT } from './exit-codes.js';
import {
  hasJobEnded,
  type JobListView,
  type JobView,
  type MetricsView,
  printJob,
  printJobs,
  printMetrics,
  RESTING_ISSUES,
  runOutputOf,
  statesOf,
} from './harness-view.js';
import type { HostClient } from './host-client.js';
import { findIssues } from './issues-file.js';
import { LOAD_TESTS, loadTestPlan } from './load-test-plan.js';
import { countOfAtLeastOne, numberAboveZero, timeoutOption } from './option-values.js';
import { printJson, printLine, printParagraph } from './print.js';
import { splitCommand } from './split-command.js';
import { StateLines } from './state-lines.js';
import { waitUntilEnded } from './wait-until-ended.js';

interface JobFlags {
  readonly repo: string;
  readonly issues: string;
  readonly verify: string;
  readonly branch?: string;
  readonly agent?: string;
  readonly driver: string;
  readonly maxWorkers?: number;
  readonly id?: string;
  readonly landOnCheckedOut?: true;
  readonly timeout?: number;
}

interface LoadTestView {
  readonly summary?: string;
  readonly passed?: boolean;
}

const WAIT_HELP =
  '\nExit code: 0 when every issue landed, 1 when not, 5 when the time was up first.\nInterrupting (Ctrl-C) ends the waiting only; the job goes on.\n';
const COMMAND_HELP = `
The agent is written after -- as you would type it, for example: -- my-agent --model large "be brief". It is told BELLOWS_ISSUE_FILE and
BELLOWS_WORKSPACE and works in its own copy of the repository. --verify and --agent take a whole command in quotes, for example
--verify "npm test"; no shell runs it: for && or $NAME write --verify "sh -c 'npm ci && npm test'".
--issues is looked for in the current folder, then in the repository.
`;

/** `bellows harness …`: jobs of the harness plugin, each a list of issues for a pool of agents. */
export function addHarnessCommands(program: Command, context: CommandContext): void {
  const harness = program
    .command('harness')
    .description('coding agents on the issues of a repository, with the harness plugin')
    .addOption(tenantOption());
  addStart(harness, context);
  addRun(harness, context);
  addGetAndWait(harness, context);
  addListAndMetrics(harness, context);
  addCancel(harness, context);
  addLoadTest(harness, context);
}

function addStart(harness: Command, context: CommandContext): void {
  jobCommand(harness, 'start', 'start a job and print its id; it goes on also when the host is started again')
    .addHelpText(
      'after',
      `${COMMAND_HELP}\nExamples:\n  bellows harness start --issues ISSUES.md --branch work --verify "npm test" -- my-agent --flag`,
    )
    .action(async (agent: readonly string[], flags: JobFlags, command: Command) => {
      const input = await jobInput({ context, command }, agent, flags);
      const started = await (await context.connect(command)).call<{ id: string }>('harness.start', input);
      if (context.isJson(command)) return printJson(context.io.stdout, started);
      printLine(context.io.stdout, started.id);
    });
}

function addRun(harness: Command, context: CommandContext): void {
  jobCommand(harness, 'run', 'start a job, wait until it has ended, and show what landed')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `${COMMAND_HELP}${WAIT_HELP}\nExamples:\n  bellows harness run --issues ISSUES.md --branch work --verify "npm test" -- my-agent --flag\n  bellows harness run --issues ISSUES.md --verify "make check" --max-workers 4 -- sh -c 'my-agent < "$BELLOWS_ISSUE_FILE"'\n  bellows harness run --issues ISSUES.md --verify "npm test" --agent "my-agent --flag" --id nightly --json`,
    )
    .action(async (agent: readonly string[], flags: JobFlags, command: Command) => {
      const input = await jobInput({ context, command }, agent, flags);
      const client = await context.connect(command);
      // Not `harness.run`: its caller would have to come back for the answer, and would not know to what.
      const { id } = await client.call<{ id: string }>('harness.start', input);
      await waitForJob({ context, command, client, outputOf: runOutputOf }, { id, timeoutMs: flags.timeout });
    });
}

/** What `start` and `run` have in common. */
function jobCommand(harness: Command, name: string, description: string): Command {
  return harness
    .command(name)
    .description(description)
    .argument('[agent...]', 'the command of the agent, after --')
    .usage('[options] -- <agent> [args...]')
    .requiredOption(
      '--issues <file>',
      'the issues: Markdown with "- [ ] title {#id after:#other}" and an indented text below; relative to the current folder, else to the repository',
    )
    .requiredOption('--verify <command>', 'run in the copy of the agent; exit code 0 means verified')
    .option('--repo <folder>', 'the repository', '.')
    .option('--branch <name>', 'verified work lands here; made when missing, and named after the job when left out')
    .option(
      '--land-on-checked-out',
      'the branch may be one that is checked out, if nothing is uncommitted there (landOnCheckedOut in messages of the host)',
    )
    .option('--agent <command>', 'the command of the agent in one piece, instead of after --')
    .option('--driver <name>', 'how the agent is spoken to', 'plain')
    .option('--max-workers <count>', 'agents at once, at most (maxWorkers in messages of the host)', countOfAtLeastOne)
    .option('--id <id>', 'names the job');
}

async function jobInput(
  { context, command: asked }: { readonly context: CommandContext; readonly command: Command },
  agent: readonly string[],
  flags: JobFlags,
): Promise<Record<string, unknown>> {
  if (agent.length > 0 && flags.agent !== undefined) throw usageError('The agent is given twice: with --agent and after --.');
  const command = flags.agent === undefined ? agent : splitCommand(flags.agent, '--agent');
  if (command.length === 0) throw usageError('The command of the agent is missing: write it after --, for example -- my-agent --flag.');
  const verify = splitCommand(flags.verify, '--verify');
  const repo = context.resolve(flags.repo);
  return {
    repo,
    // Files of a host named by its address may be on another machine.
    issues: { file: await findIssues(flags.issues, { cwd: context.io.cwd, repo, isElsewhere: context.namesHost(asked) }) },
    agent: { driver: flags.driver, command },
    verify,
    ...(flags.branch === undefined ? {} : { branch: flags.branch }),
    ...(flags.maxWorkers === undefined ? {} : { maxWorkers: flags.maxWorkers }),
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...(flags.landOnCheckedOut ? { landOnCheckedOut: true } : {}),
  };
}

function addGetAndWait(harness: Command, context: CommandContext): void {
  harness
    .command('get')
    .description('show a job and its issues')
    .addArgument(argumentOf('<id>', 'a job', 'job'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const job = await (await context.connect(command)).call<JobView>('harness.get', { id });
      if (context.isJson(command)) return printJson(context.io.stdout, job);
      printJob(context.io.stdout, job);
    });
  harness
    .command('wait')
    .description('wait until a job has ended, and show it')
    .addArgument(argumentOf('<id>', 'a job', 'job'))
    .addOption(timeoutOption())
    .addHelpText('after', `${WAIT_HELP}\nExamples:\n  bellows harness wait nightly\n  bellows harness wait nightly --timeout 60000 --json`)
    .action(async (id: string, { timeout }: { timeout?: number }, command: Command) => {
      const client = await context.connect(command);
      await waitForJob({ context, command, client, outputOf: (job) => job }, { id, timeoutMs: timeout });
    });
}

interface Waiting {
  readonly context: CommandContext;
  readonly command: Command;
  readonly client: HostClient;
  /** With --json. */
  readonly outputOf: (job: JobView) => unknown;
}

async function waitForJob(
  { context, command, client, outputOf }: Waiting,
  { id, timeoutMs }: { readonly id: string; readonly timeoutMs: number | undefined },
): Promise<void> {
  const { stdout, stderr } = context.io;
  const json = context.isJson(command);
  const lines = !json && stderr.isTTY ? new StateLines(stderr, RESTING_ISSUES) : undefined;
  const { view, ended } = await waitUntilEnded<JobView>(client, {
    operation: 'harness.wait',
    id,
    clock: systemClock,
    comeBack: `The waiting was interrupted; job ${id} goes on. See it again with "bellows harness wait ${id}", end it with "bellows harness cancel ${id}".`,
    what: `job ${id}`,
    hasEnded: hasJobEnded,
    ...(lines === undefined ? {} : { onLook: (job) => lines.show(statesOf(job)) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  context.exitCode = ended ? (view.status === 'completed' ? EXIT.ok : EXIT.failed) : EXIT.deadline;
  if (json) return printJson(stdout, outputOf(view));
  printJob(stdout, view);
  if (!ended) printLine(stderr, `The time is up; job ${id} goes on.`);
}

function addListAndMetrics(harness: Command, context: CommandContext): void {
  const { stdout, stderr } = context.io;
  harness
    .command('list')
    .description('list the jobs, newest first')
    .option('--limit <count>', 'how many', countOfAtLeastOne, 20)
    .option('--cursor <cursor>', 'goes on after the end of an earlier list')
    .action(async (flags: { limit: number; cursor?: string }, command: Command) => {
      const list = await (await context.connect(command)).call<JobListView>('harness.list', flags);
      if (context.isJson(command)) return printJson(stdout, list);
      printJobs(stdout, list);
      if (list.cursor) printLine(stderr, `There are more: add --cursor ${list.cursor}`);
    });
  harness
    .command('metrics')
    .description('show the pool of workers: its size, its queue, its sessions and its health')
    .action(async (_options: unknown, command: Command) => {
      const metrics = await (await context.connect(command)).call<MetricsView>('harness.metrics', {});
      if (context.isJson(command)) return printJson(stdout, metrics);
      printMetrics(stdout, metrics);
    });
}

function addCancel(harness: Command, context: CommandContext): void {
  harness
    .command('cancel')
    .description('cancel a job: its agents are ended, what has landed stays')
    .addArgument(argumentOf('<id>', 'a job', 'job'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const answer = await (await context.connect(command)).call('harness.cancel', { id });
      if (context.isJson(command)) return printJson(context.io.stdout, answer);
      printLine(context.io.stdout, `Job ${id} is being cancelled; "bellows harness wait ${id}" shows how it ends.`);
    });
}

function addLoadTest(harness: Command, context: CommandContext): void {
  harness
    .command('load-test')
    .description('run real processes as agents on a repository of its own, and judge the pool')
    .addOption(new Option('--scenario <name>', 'how many issues and agents').choices(Object.keys(LOAD_TESTS)).default('smoke'))
    .option('--speed <factor>', 'sessions so many times shorter than the scenario says', numberAboveZero)
    .addHelpText(
      'after',
      '\nIts workers are its own: `harness metrics`, `explain` and the page show none of them.\nExit code: 0 when the criteria of the scenario are met, 1 when not.\n\nExamples:\n  bellows harness load-test\n  bellows harness load-test --scenario heavy --speed 10',
    )
    .action(async ({ scenario, speed }: { scenario: string; speed?: number }, command: Command) => {
      const { io } = context;
      const json = context.isJson(command);
      const client = await context.connect(command);
      const plan = loadTestPlan(scenario, speed);
      if (!json && plan !== undefined) printParagraph(io.stderr, '', plan);
      const report = await client.call<LoadTestView>('harness.loadTest', { scenario, ...(speed === undefined ? {} : { speed }) });
      context.exitCode = report.passed === true ? EXIT.ok : EXIT.failed;
      if (json) return printJson(io.stdout, report);
      for (const line of (report.summary ?? (report.passed ? 'passed' : 'failed')).split('\n')) printLine(io.stdout, line);
    });
}
