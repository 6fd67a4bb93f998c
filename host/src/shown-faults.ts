import { type ErrorDetail, nearestName } from '@bellows/sdk';

/** "and 2 more" of a message that names the first of several faults. */
const MORE = / \(and (\d+) more, see details\)/;

/** The message without the first of its faults and the number of the others, where the list of all follows. */
export function headline(message: string, details: readonly ErrorDetail[] = []): string {
  if (details.length < 2 || !MORE.test(message)) return message;
  const told = message.replace(MORE, '');
  for (const { path, message: fault } of details) {
    for (const ending of [`${path}: ${fault}`, fault]) {
      if (!told.endsWith(`: ${ending}`)) continue;
      return told.slice(0, -ending.length - 2);
    }
  }
  return told;
}

/** For where the list does not follow: the log of the host has it. */
export function pointToLog(message: string): string {
  return message.replace(MORE, '; $1 more in the log of the host');
}

/** A line for each fault, with its place and what would be right. None for a single one that the message has told already. */
export function faultLines(told: string, details: readonly ErrorDetail[] = []): readonly string[] {
  const [only] = details;
  if (details.length === 1 && only && isTold(told, only)) return [];
  return details.map(({ path, message, suggestion }) => {
    const hint = suggestion === undefined || asks(message, suggestion) ? '' : hintOf(suggestion, message);
    return `${path === '' ? '(top)' : path}: ${message}${hint}`;
  });
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
export function holds(text: string, word: string): boolean {
  for (let at = text.indexOf(word); word !== '' && at >= 0; at = text.indexOf(word, at + 1)) {
    if (!/[\w.]$/.test(text.slice(0, at)) && !/^\.?\w/.test(text.slice(at + word.length))) return true;
  }
  return false;
}
