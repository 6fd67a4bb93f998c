import { type BellowsError, type ErrorDetail, errorBody, InvariantError, isBellowsError, messageOf } from '@bellows/sdk';
import { nearestName } from '../operations/nearest-name.js';
import type { CliIo, CliOutput } from './cli-deps.js';
import { RemoteError } from './host-client.js';

/** JSON for a program, or to be read where a terminal shows it. */
export function printJson(output: CliOutput, value: unknown): void {
  const text = JSON.stringify(value ?? null, null, output.isTTY ? 2 : undefined);
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
  const widths = heads.map((_head, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  for (const row of all)
    output.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
}

/** A terminal that nobody has made wider. */
const COLUMNS = 80;
/** Less says nothing. */
const LEAST_LAST_COLUMN = 20;

/** A table whose last column is cut, so that a row is a line of 80 columns; the others hold what one copies. */
export function printFitted(output: CliOutput, heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const widthOf = (column: number) => Math.max(...[heads, ...rows].map((row) => (row[column] ?? '').length));
  const before = heads.slice(0, -1).reduce((sum, _head, column) => sum + widthOf(column) + 2, 0);
  const room = Math.max(LEAST_LAST_COLUMN, COLUMNS - before);
  printTable(
    output,
    heads,
    rows.map((row) => row.map((cell, column) => (column === heads.length - 1 ? cut(cell, room) : cell))),
  );
}

/** At most so long, with a sign that there is more. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/** Labels in one column, what they name beside them; lines of a value below each other. What is undefined is left out. */
export function printLines(output: CliOutput, indent: string, lines: readonly (readonly [label: string, value: unknown])[]): void {
  const shown = lines.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([label]) => plain(label).length));
  for (const [label, value] of shown) {
    const [first = '', ...more] = String(value).split('\n').map(plain);
    output.write(`${indent}${plain(label).padEnd(width)}  ${first}\n`);
    for (const line of more) output.write(`${indent}${' '.repeat(width)}  ${line}\n`);
  }
}

export function printError(error: unknown, { io, json }: { readonly io: CliIo; readonly json: boolean }): void {
  const known = isBellowsError(error) ? error : new InvariantError('BUG', messageOf(error), { cause: error });
  if (json) {
    io.stderr.write(`${escaped(JSON.stringify({ error: known instanceof RemoteError ? known.body : errorBody(known, '') }))}\n`);
    return;
  }
  io.stderr.write(`error: ${plain(known.message)} (${known.code})\n`);
  printDetails(io.stderr, known);
  printFacts(io.stderr, known);
  if (known.kind === 'invariant' && error instanceof Error && !isBellowsError(error)) io.stderr.write(`${error.stack ?? ''}\n`);
}

/** A single problem that the message has told already is not told again. */
function printDetails(output: CliOutput, { message: told, details = [] }: BellowsError): void {
  const [only] = details;
  if (details.length === 1 && only && isTold(told, only)) return;
  for (const { path, message, suggestion } of details) {
    const hint = suggestion === undefined || asks(message, suggestion) ? '' : hintOf(suggestion, message);
    output.write(`  ${path === '' ? '(top)' : plain(path)}: ${plain(message)}${plain(hint)}\n`);
  }
}

function isTold(told: string, { message, suggestion }: ErrorDetail): boolean {
  if (suggestion === undefined) return told.includes(message);
  return holds(told, suggestion);
}

/** What is near to what was written was probably meant; anything else (a form, a range, a list) says what would be right. */
function hintOf(suggestion: string, message: string): string {
  const isName = /^[\w@./:-]+$/.test(suggestion);
  const quoted = [...message.matchAll(/"([^"]+)"/g)].map(([, word = '']) => word);
  const isNear = isName && (quoted.length === 0 || quoted.some((word) => nearestName(word, [suggestion]) !== undefined));
  return isNear ? `; did you mean ${suggestion}?` : ` (expected: ${suggestion})`;
}

/** Some say in the message already what was meant. */
function asks(message: string, suggestion: string): boolean {
  return /did you mean/i.test(message) && holds(message, suggestion);
}

/** As a word of its own: 4 is not in 42. */
function holds(text: string, word: string): boolean {
  for (let at = text.indexOf(word); word !== '' && at >= 0; at = text.indexOf(word, at + 1)) {
    if (!/[\w.]$/.test(text.slice(0, at)) && !/^\.?\w/.test(text.slice(at + word.length))) return true;
  }
  return false;
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
