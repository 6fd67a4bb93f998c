import { type ErrorDetail } from '@bellows/sdk';
import { faultLines, headline } from '../shown-faults.js';
import type { CliOutput } from './cli-deps.js';
import { printParagraph } from './print.js';

/** An error as hosts send it; nearly all of it optional: the host may be older or newer than this command. */
export interface ErrorView {
  readonly code?: string;
  readonly message?: string;
  readonly stage?: string;
  readonly details?: readonly ErrorDetail[];
}

/** A row of a table that tells of a failure. */
export interface FailedRow {
  readonly name: string;
  /** All there is to say; a line may hold several. */
  readonly lines: readonly string[];
}

/** Below a table: what its rows tell of failures in full, unless the table told it already. `cut` are the rows that lost their end. */
export function printFailures(output: CliOutput, rows: readonly (FailedRow | undefined)[], cut: ReadonlySet<number>): void {
  const shown = rows.filter((row, index) => row && (cut.has(index) || row.lines.length > 1 || /\n./.test(row.lines.join())));
  if (shown.length === 0) return;
  output.write('\n');
  for (const row of shown) if (row) printParagraph(output, '', `${row.name}: ${row.lines.join('\n').trimEnd()}`);
}

/** One line of it; `owner` is what the line stands beside, and is not named again. */
export function errorLine(error: ErrorView | null | undefined, owner?: string): string | undefined {
  if (!error) return undefined;
  const { code, message, stage, details } = error;
  const said = message === undefined ? undefined : withoutOwner(headline(message, asList(details)), owner);
  return [stage === owner ? undefined : stage, code, said].filter((part) => part !== undefined && part !== '').join(': ');
}

/** The same with every fault it names. */
export function errorLines(error: ErrorView, owner?: string): readonly string[] {
  return [errorLine(error, owner) ?? '', ...faultLines(error.message ?? '', asList(error.details))];
}

/** `ship: no stock` beside `ship` is `no stock`. */
export function withoutOwner(text: string, owner: string | undefined): string {
  if (owner === undefined || owner === '') return text;
  const beginning = [`${owner}: `, `"${owner}": `, `stage ${owner}: `, `stage "${owner}": `, `issue ${owner}: `, `issue "${owner}": `].find(
    (one) => text.toLowerCase().startsWith(one.toLowerCase()),
  );
  return beginning === undefined ? text : text.slice(beginning.length);
}

/** Only what is a fault: hosts of other versions may send something else under this name. */
function asList(details: unknown): readonly ErrorDetail[] {
  if (!Array.isArray(details)) return [];
  return details.filter(
    (one): one is ErrorDetail => typeof one === 'object' && one !== null && typeof one.path === 'string' && typeof one.message === 'string',
  );
}
