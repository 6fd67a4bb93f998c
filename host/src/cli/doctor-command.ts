import type { Command } from 'commander';
import type { FindingState, NamedFinding } from '../doctor/finding.js';
import { columnsOf, hang } from '../wrap.js';
import type { CliOutput } from './cli-deps.js';
import type { CommandContext } from './command-context.js';
import { EXIT } from './exit-codes.js';
import { interruptedError } from './host-client.js';
import { plain, printJson } from './print.js';

/** `bellows doctor`: whether this machine and folder are fit to run a host, and what to do about what is not. */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('check whether this machine and folder are fit to run a host, and say what to do')
    .addHelpText(
      'after',
      '\nNothing is changed, and no host is needed; one that runs here is asked how it is.\nExit code: 0 when nothing fails (warnings are allowed), 1 when something does.\n\nExamples:\n  bellows doctor\n  bellows doctor --config production.yaml --data /var/lib/bellows\n  bellows doctor --json',
    )
    .action(async (_options: unknown, command: Command) => {
      const { io, deps } = context;
      const findings = await deps.examine(context.hostOptions(command), io.signal);
      if (io.signal.aborted) throw interruptedError();
      const counts = countsOf(findings);
      context.exitCode = counts.fail > 0 ? EXIT.failed : EXIT.ok;
      if (context.isJson(command)) return printJson(io.stdout, { ok: counts.fail === 0, counts, findings });
      for (const finding of findings) printFinding(io.stdout, finding, Math.max(...findings.map(({ id }) => id.length)));
      io.stdout.write(`\n${verdict(counts)}\n`);
    });
}

function printFinding(output: CliOutput, { id, state, found, todo }: NamedFinding, width: number): void {
  const before = `${state.padEnd('unknown'.length)}  ${id.padEnd(width)}  `;
  const hanging = { columns: columnsOf(output), indent: ' '.repeat(before.length) };
  output.write(`${hang(before + plain(found), hanging)}\n`);
  if (todo !== undefined) output.write(`${hang(`${hanging.indent}> ${plain(todo)}`, { ...hanging, indent: `${hanging.indent}  ` })}\n`);
}

function countsOf(findings: readonly NamedFinding[]): Readonly<Record<FindingState, number>> {
  const counts = { fail: 0, warn: 0, unknown: 0, ok: 0 };
  for (const { state } of findings) counts[state] += 1;
  return counts;
}

function verdict({ fail, warn }: Readonly<Record<FindingState, number>>): string {
  const warnings = warn === 0 ? '' : `, ${warn} ${warn === 1 ? 'warning' : 'warnings'}`;
  return fail === 0
    ? `A host can run here${warnings}.`
    : `A host cannot run well here: ${fail} ${fail === 1 ? 'fault' : 'faults'}${warnings}.`;
}
