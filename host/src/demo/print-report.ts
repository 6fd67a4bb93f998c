import type { CliOutput } from '../cli/cli-deps.js';
import { shortDuration } from '../cli/durations.js';
import { printLine, printLines, printParagraph, printTable, printWrappedTable } from '../cli/print.js';
import { type CeilingPath, ceilingPaths } from './ceiling-paths.js';
import { type DemoPart, type DemoReport, type PartReport, SUBSYSTEMS } from './demo-report.js';
import { counted, thousands } from './demo-work.js';
import { foldedFiles } from './made-files.js';

/** More files of one folder are told of in one line. */
const SHOWN_FILES = 4;
const MEANING =
  'A ceiling is how many operations at once the governor lets a subsystem run, a floor what it has at rest. What is too much for all is shared by weight.';
/** A ceiling that turned more often is shown with a gap. */
const SHOWN_CEILINGS = 4;

/** The summary for people: as much as one reads in ten seconds; `--json` has the rest. */
export function printReport(output: CliOutput, report: DemoReport): void {
  const { repository, machine, seconds, parts, problems } = report;
  printHead(output, `What was done in ${shortDuration(1_000 * seconds)} on ${counted(machine.cores, 'core')}, with ${repository.folder}`);
  printLines(
    output,
    '  ',
    parts.map((part) => [part.part, linesOf(part).join('\n')]),
  );
  printFiles(output, report);
  printPaths(output, ceilingPaths(report.decisions, report.acts));
  if (problems.length === 0) return;
  printHead(output, 'What is not as it should be');
  for (const problem of problems) printParagraph(output, '  ', problem);
}

function printHead(output: CliOutput, text: string): void {
  printLine(output, '');
  printParagraph(output, '', text);
}

function linesOf({ did, verified }: PartReport): readonly string[] {
  return [...did, ...verified.map((text) => `checked: ${text}`)];
}

function printFiles(output: CliOutput, { files, kept }: DemoReport): void {
  printHead(output, kept === null ? 'Files made, and removed now (--keep leaves them)' : 'Files made');
  const rows = foldedFiles(files, SHOWN_FILES).map(({ name, bytes, files: count, branch }) => {
    const what = [...(count === 1 ? [] : [counted(count, 'file')]), ...(branch === undefined ? [] : [`on the branch ${branch}`])];
    return [`  ${name}`, thousands(bytes), what.join(' ')];
  });
  printTable(output, ['  FILE', 'BYTES', ''], rows);
}

function printPaths(output: CliOutput, paths: readonly CeilingPath[]): void {
  printHead(output, 'How the ceilings moved, and why');
  if (paths.length === 0) {
    printParagraph(
      output,
      '  ',
      'They did not: there was too little work for the governor to move anything. A larger repository has more.',
    );
    return;
  }
  printParagraph(output, '  ', MEANING);
  printWrappedTable(
    output,
    ['  WHEN', 'WHO', 'CEILING', 'WHY'],
    paths.map(({ act, subsystem, ceilings, why }, index) => [
      paths[index - 1]?.act === act ? '' : `  ${act}`,
      partOf(subsystem),
      shown(ceilings),
      why,
    ]),
  );
}

function partOf(subsystem: string): string {
  return (Object.keys(SUBSYSTEMS) as DemoPart[]).find((part) => SUBSYSTEMS[part] === subsystem) ?? subsystem;
}

function shown(ceilings: readonly number[]): string {
  if (ceilings.length <= SHOWN_CEILINGS) return ceilings.join(' → ');
  const [first = 0, second = 0] = ceilings;
  return [first, second, '…', ceilings.at(-1)].join(' → ');
}
