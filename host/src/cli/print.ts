import { type BellowsError, type ErrorDetail, errorBody, InvariantError, isBellowsError, messageOf } from '@bellows/sdk';
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

export function printError(error: unknown, { io, json }: { readonly io: CliIo; readonly json: boolean }): void {
  const known = isBellowsError(error) ? error : new InvariantError('BUG', messageOf(error), { cause: error });
  if (json) {
    io.stderr.write(`${escaped(JSON.stringify({ error: known instanceof RemoteError ? known.body : errorBody(known, '') }))}\n`);
    return;
  }
  io.stderr.write(`error: ${plain(known.message)} (${known.code})\n`);
  printDetails(io.stderr, known.details ?? []);
  printFacts(io.stderr, known);
  if (known.kind === 'invariant' && error instanceof Error && !isBellowsError(error)) io.stderr.write(`${error.stack ?? ''}\n`);
}

export function printDetails(output: CliOutput, details: readonly ErrorDetail[]): void {
  for (const { path, message, suggestion } of details) {
    const hint = suggestion === undefined ? '' : `; did you mean ${plain(suggestion)}?`;
    output.write(`  ${path === '' ? '(top)' : plain(path)}: ${plain(message)}${hint}\n`);
  }
}

/** Without control characters: what a host or a guest sent must not move the cursor of a terminal or change its title. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => (character === '\n' || character === '\t' ? ' ' : '�'));
}

function printFacts(output: CliOutput, error: BellowsError): void {
  if (error.retryAfterMs !== undefined) output.write(`  try again in ${Math.ceil(error.retryAfterMs / 1000)} s\n`);
  if (error.data !== undefined) output.write(`  ${plain(JSON.stringify(error.data))}\n`);
  if (error instanceof RemoteError && error.kind === 'plugin') output.write(`  trace ${plain(error.body.traceId)}\n`);
}
