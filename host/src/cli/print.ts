import { type BellowsError, errorBody, InvariantError, isBellowsError, messageOf } from '@bellows/sdk';
import { RemoteError } from '@bellows/sdk/client';
import { faultLines, headline, holds } from '../shown-faults.js';
import { columnsOf, hang, wrap } from '../wrap.js';
import type { CliIo, CliOutput } from './cli-deps.js';

/** JSON for a program, or to be read where a terminal shows it. */
export function printJson(output: CliOutput, value: unknown): void {
  const text = JSON.stringify(value ?? null, null, output.isTTY ? 2 : undefined);
  output.write(`${output.isTTY ? escaped(text) : text}\n`);
}

/** One of many in a stream, which programs read line by line; harmless where a terminal shows it. */
export function printJsonLine(output: CliOutput, value: unknown): void {
  const text = JSON.stringify(value);
  output.write(`${output.isTTY ? escaped(text) : text}\n`);
}

/** JSON leaves DEL and the C1 control characters as they are; terminals obey them (U+009B begins a command as ESC [ does). */
function escaped(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** One line of text that may hold what a host or a guest sent. */
export function printLine(output: CliOutput, text: string): void {
  output.write(`${plain(text)}\n`);
}

/** Columns as wide as their widest cell, two blanks between them. */
export function printTable(output: CliOutput, heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [heads, ...rows].map((row) => row.map(plain));
  const widths = widthsOf(all);
  for (const row of all) printRow(output, row, widths);
}

/** A table that a terminal shows in full: the widest columns give way, and their cells go on in lines below. */
export function printWrappedTable(output: CliOutput, heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [heads, ...rows].map((row) => row.map(plain));
  const widths = narrowed(widthsOf(all), columnsOf(output));
  for (const row of all) {
    const cells = row.map((cell, column) => wrap(cell, widths[column] ?? 0));
    const height = Math.max(...cells.map((lines) => lines.length));
    for (let line = 0; line < height; line += 1) {
      printRow(
        output,
        cells.map((lines) => lines[line] ?? ''),
        widths,
      );
    }
  }
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  return (rows[0] ?? []).map((_head, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
}

/** A word or two must stand beside each other. */
const LEAST_COLUMN = 12;

function narrowed(widths: readonly number[], columns: number): number[] {
  const narrow = [...widths];
  const total = () => narrow.reduce((sum, width) => sum + width + 2, -2);
  const shrink = (from: number) => {
    while (total() > columns && Math.max(...narrow.slice(from)) > LEAST_COLUMN) {
      const widest = narrow.indexOf(Math.max(...narrow.slice(from)), from);
      narrow[widest] = (narrow[widest] ?? 0) - 1;
    }
  };
  // The names in the first one are copied: they give way last.
  shrink(1);
  shrink(0);
  return narrow;
}

function printRow(output: CliOutput, row: readonly string[], widths: readonly number[]): void {
  const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  output.write(`${cells.join('  ').trimEnd()}\n`);
}

/** Less says nothing. */
const LEAST_LAST_COLUMN = 10;

/** A table whose last column is cut where a terminal is too narrow, the others hold what one copies. Answers which rows were cut. */
export function printFitted(output: CliOutput, heads: readonly string[], rows: readonly (readonly string[])[]): ReadonlySet<number> {
  const last = heads.length - 1;
  const before = widthsOf([heads, ...rows]).slice(0, -1);
  const room = Math.max(
    LEAST_LAST_COLUMN,
    before.reduce((left, width) => left - width - 2, columnsOf(output)),
  );
  printTable(
    output,
    heads,
    rows.map((row) => row.map((cell, column) => (column === last ? cut(cell, room) : cell))),
  );
  return new Set([...rows.keys()].filter((row) => (rows[row]?.[last] ?? '').length > room));
}

/** At most so long, with a sign that there is more. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/** Labels in one column, what they name beside them; lines of a value below each other. What is undefined is left out. */
export function printLines(output: CliOutput, indent: string, lines: readonly (readonly [label: string, value: unknown])[]): void {
  const shown = lines.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([label]) => plain(label).length));
  const room = columnsOf(output) - indent.length - width - 2;
  for (const [label, value] of shown) {
    const [first = '', ...more] = String(value)
      .split('\n')
      .flatMap((line) => wrap(plain(line), room));
    output.write(`${indent}${plain(label).padEnd(width)}  ${first}\n`);
    for (const line of more) output.write(`${indent}${' '.repeat(width)}  ${line}\n`);
  }
}

/** Text in lines, further lines and what a terminal is too narrow for two blanks deeper. */
export function printParagraph(output: CliOutput, indent: string, text: string): void {
  const deeper = `${indent}  `;
  for (const [index, line] of text.split('\n').entries()) {
    const from = index === 0 ? indent : deeper;
    output.write(`${hang(from + plain(line), { columns: columnsOf(output), indent: deeper })}\n`);
  }
}

export function printError(error: unknown, { io, json }: { readonly io: CliIo; readonly json: boolean }): void {
  const known = isBellowsError(error) ? error : new InvariantError('BUG', messageOf(error), { cause: error });
  if (json) {
    io.stderr.write(`${escaped(JSON.stringify({ error: known instanceof RemoteError ? known.body : errorBody(known, '') }))}\n`);
    return;
  }
  const { message, details, code } = known;
  // Whoever interrupts knows it; nothing went wrong.
  if (code === 'INTERRUPTED') {
    printParagraph(io.stderr, '', message);
    return;
  }
  printParagraph(io.stderr, '', `error: ${plain(headline(message, details))} (${code})`);
  for (const line of faultLines(message, details)) printParagraph(io.stderr, '  ', line);
  printFacts(io.stderr, known);
  if (known.kind === 'invariant' && error instanceof Error && !isBellowsError(error)) io.stderr.write(`${error.stack ?? ''}\n`);
}

/** Without control characters: what a host or a guest sent must not move the cursor of a terminal or change its title. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => (character === '\n' || character === '\t' ? ' ' : '�'));
}

function printFacts(output: CliOutput, error: BellowsError): void {
  if (error.retryAfterMs !== undefined) output.write(`  try again in ${Math.ceil(error.retryAfterMs / 1000)} s\n`);
  for (const [name, value] of Object.entries(error.data ?? {})) {
    const shown = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    if (value !== error.phase && !holds(error.message.toLowerCase(), shown.toLowerCase())) output.write(`  ${plain(`${name} ${shown}`)}\n`);
  }
  if (error instanceof RemoteError && error.kind === 'plugin') output.write(`  trace ${plain(error.body.traceId)}\n`);
}
