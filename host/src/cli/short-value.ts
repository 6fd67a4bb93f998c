import { columnsOf } from '../wrap.js';
import type { CliOutput } from './cli-deps.js';
import { cut, plain } from './print.js';

/** A few lines of a terminal. */
const MAX_SHOWN_LENGTH = 240;
/** Of a value that is cut, where lines have no end. */
const LINE = 80;
/** Beside the longest label of a run or a job. */
const LABEL_LENGTH = 13;

/** A value as JSON; a large one as its beginning and its size. Undefined of what is not there. */
export function shortValue(output: CliOutput, value: unknown): string | undefined {
  const text = jsonText(value);
  if (text === undefined || text.length <= MAX_SHOWN_LENGTH) return text;
  const more = ` (${sizeOf(Buffer.byteLength(text))}; --json shows all)`;
  return cut(text, Math.min(LINE, columnsOf(output)) - LABEL_LENGTH - more.length) + more;
}

/** In one line; undefined of what is not there. */
export function jsonText(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : plain(JSON.stringify(value) ?? '');
}

/** To be read, not counted with. */
export function sizeOf(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
