import { longestRepeat } from './longest-repeat';
import { readInput, writeOutput } from './streams';

const NUL: u8 = 0;
const NEWLINE: u8 = 10;
const SPACE: u8 = 32;
const HASH: u8 = 35;
const OPENING_PARENTHESIS: u8 = 40;
const CLOSING_BRACKET: u8 = 93;
const BACKTICK: u8 = 96;
const DEEPEST_HEADING: i32 = 6;
const FENCE_LENGTH: i32 = 3;

main();

/**
 * Texts come in on standard input, a NUL between two. For each a line goes out: bytes, lines, words, headings, links, and of the longest
 * passage that stands twice its length in bytes and where the two begin.
 */
function main(): void {
  const input = readInput();
  let start = 0;
  for (let at = 0; at <= input.length; at++) {
    if (at < input.length && input[at] !== NUL) continue;
    writeOutput(reportOn(input.subarray(start, at)));
    start = at + 1;
  }
}

function reportOn(text: Uint8Array): string {
  let lines = 0;
  let links = 0;
  let headings = 0;
  let isCode = false;
  for (let at = 0, lineStart = 0; at <= text.length; at++) {
    if (at + 1 < text.length && text[at] === CLOSING_BRACKET && text[at + 1] === OPENING_PARENTHESIS) links++;
    if (at < text.length && text[at] !== NEWLINE) continue;
    if (at < text.length) lines++;
    if (runOf(BACKTICK, text, lineStart) >= FENCE_LENGTH) isCode = !isCode;
    else if (!isCode && isHeading(text, lineStart)) headings++;
    lineStart = at + 1;
  }
  const repeat = longestRepeat(text);
  return `${text.length} ${lines} ${wordsOf(text)} ${headings} ${links} ${repeat.length} ${repeat.first} ${repeat.second}\n`;
}

/** One to six "#" and a blank. */
function isHeading(text: Uint8Array, lineStart: i32): bool {
  const depth = runOf(HASH, text, lineStart);
  if (depth < 1 || depth > DEEPEST_HEADING) return false;
  return lineStart + depth < text.length && text[lineStart + depth] === SPACE;
}

function runOf(byte: u8, text: Uint8Array, start: i32): i32 {
  let end = start;
  while (end < text.length && text[end] === byte) end++;
  return end - start;
}

/** What stands between white space, as `wc` counts it. */
function wordsOf(text: Uint8Array): i32 {
  let words = 0;
  let isInside = false;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    const isSpace = byte === SPACE || (byte >= 9 && byte <= 13);
    if (!isSpace && !isInside) words++;
    isInside = !isSpace;
  }
  return words;
}
