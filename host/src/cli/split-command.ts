import { usageError } from './command-context.js';

/**
 * The words of a command as a shell would take them: blanks divide, quotes and backslashes keep together. Nothing is expanded and
 * no shell runs it, so what only a shell understands (`&&`, `|`, `>`, `$NAME`) is refused where it is not quoted: passed on as a
 * word it would fail much later, or succeed at something else. `InputError` (`USAGE`) names `what`.
 */
export function splitCommand(text: string, what: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; ) {
    const [piece] = PIECE.exec(text.slice(at)) ?? [];
    if (piece === undefined) throw faultAt(text, at, what);
    at += piece.length;
    // A line that goes on; it makes no word by itself.
    if (piece === '\\\n') continue;
    if (/^\s/.test(piece)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + meaningOf(piece);
  }
  if (word !== undefined) words.push(word);
  if (words.length === 0 || words[0] === '') throw usageError(`${what} names no command.`);
  return words;
}

/** Blanks, something in single quotes, something in double quotes, an escaped character, or plain characters. */
const PIECE = /^(?:\s+|'[^']*'|"(?:[^"\\$`]|\\[\s\S])*"|\\[\s\S]|[^\s'"\\$`&|;<>()]+)/;

function meaningOf(piece: string): string {
  if (piece.startsWith("'")) return piece.slice(1, -1);
  // In double quotes a backslash is itself before all but these, and takes the end of a line away.
  if (piece.startsWith('"'))
    return piece.slice(1, -1).replace(/\\(["\\$`\n])/g, (_all, escaped: string) => (escaped === '\n' ? '' : escaped));
  return piece.startsWith('\\') ? piece.slice(1) : piece;
}

function faultAt(text: string, at: number, what: string) {
  const rest = text.slice(at);
  if (rest === '\\') return usageError(`${what} ends with a backslash.`);
  const expanded = /^"(?:[^"\\$`]|\\[\s\S])*([$`])/.exec(rest)?.[1];
  if (/^['"]/.test(rest) && expanded === undefined) return usageError(`${what} has a quote ${rest[0]} that is not closed.`);
  const [shellWord] = expanded === undefined ? (/^(?:&&|\|\||>>|<<|[\s\S])/.exec(rest) ?? []) : [expanded];
  return usageError(
    `${what} has ${shellWord}, which only a shell understands, and none runs it: quote it ('${shellWord}'), or run a shell yourself: sh -c '…'.`,
  );
}
