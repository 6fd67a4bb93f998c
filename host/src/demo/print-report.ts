import type { CliOutput } from '../cli/cli-deps.js';
import { shortDuration } from '../cli/durations.js';
import { printLine, printParagraph, printTable, printWrappedTable } from '../cli/print.js';
import type { CeilingMove } from './ceiling-moves.js';
import { type DemoReport, type MadeFile, type PartReport, SUBSYSTEMS } from './demo-report.js';
import { counted } from './demo-work.js';
import { foldedFiles } from './made-files.js';

/** More files of one folder are told of in one line. */
const SHOWN_FILES = 4;
/** More moves of ceilings are for `--json`. */
const SHOWN_MOVES = 30;
const SHORT_COMMIT = 10;

/** The summary for people. */
export function printReport(output: CliOutput, { repository, machine, seconds, parts, ceilings, problems, files }: DemoReport): void {
  printHead(output, `What was done in ${shortDuration(1_000 * seconds)} on ${counted(machine.cores, 'core')}, with ${repository.folder}`);
  for (const part of parts) printPart(output, part);
  printHead(output, 'Files made');
  printFiles(output, files);
  printHead(output, 'How the ceilings moved, and why');
  printMoves(output, ceilings);
  if (problems.length === 0) return;
  printHead(output, 'What is not as it should be');
  for (const problem of problems) printParagraph(output, '  ', problem);
}

function printHead(output: CliOutput, text: string): void {
  printLine(output, '');
  printParagraph(output, '', text);
}

function printPart(output: CliOutput, { part, seconds, did, verified }: PartReport): void {
  printLine(output, `  ${SUBSYSTEMS[part]}, ${shortDuration(1_000 * seconds)}`);
  for (const text of did) printParagraph(output, '    ', text);
  for (const text of verified) printParagraph(output, '    ', `checked: ${text}`);
}

function printFiles(output: CliOutput, files: readonly MadeFile[]): void {
  const own = foldedFiles(
    files.filter(({ landed }) => landed === undefined),
    SHOWN_FILES,
  );
  const landed = files.flatMap(({ path, bytes, landed }) =>
    landed ? [[`  ${path}`, String(bytes), `branch ${landed.branch}, commit ${landed.commit.slice(0, SHORT_COMMIT)}`]] : [],
  );
  const rows = own.map(({ name, bytes, files: count }) => [`  ${name}`, String(bytes), count === 1 ? '' : counted(count, 'file')]);
  printTable(output, ['  FILE', 'BYTES', ''], [...rows, ...landed]);
}

function printMoves(output: CliOutput, moves: readonly CeilingMove[]): void {
  const [first] = moves;
  if (!first) {
    printParagraph(
      output,
      '  ',
      'They did not: there was too little work for the governor to move anything. A larger repository has more.',
    );
    return;
  }
  printWrappedTable(
    output,
    ['  AFTER', 'SUBSYSTEM', 'FROM', 'TO', 'LIMITED BY', 'WHY'],
    moves
      .slice(0, SHOWN_MOVES)
      .map(({ subsystem, at, from, to, limitedBy, reason, decisions, refused }) => [
        `  ${((at - first.at) / 1_000).toFixed(1)} s`,
        subsystem,
        String(from),
        String(to),
        limitedBy,
        `${reason}${decisions > 1 ? ` (${decisions} steps)` : ''}${refused === undefined ? '' : ` (refused: ${refused})`}`,
      ]),
  );
  if (moves.length > SHOWN_MOVES) printParagraph(output, '  ', `and ${moves.length - SHOWN_MOVES} more; --json has them all`);
}
