import { shortened } from './shortened.js';

/** What is known of a finding of a schema: of zod, of another copy of it, or of something like it. */
export interface SchemaIssue {
  readonly code?: unknown;
  readonly expected?: unknown;
  readonly message?: unknown;
  /** What is too small or too big. */
  readonly origin?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly inclusive?: unknown;
}

/** The finding in words. That something is left out is what is missing most often, and zod calls it "received undefined". */
export function issueMessage(issue: SchemaIssue): string {
  const { code, expected, message } = issue;
  const isMissing =
    code === 'invalid_type' &&
    typeof message === 'string' &&
    message.startsWith('Invalid input: ') &&
    message.endsWith('received undefined');
  if (isMissing && typeof expected === 'string') return `is missing: expected ${withArticle(WORDS[expected] ?? expected)}`;
  return sizeMessage(issue) ?? shortened(String(message ?? 'is not valid'));
}

/** Undefined where it is about something else, or the schema has words of its own. */
function sizeMessage({ code, message, origin, minimum, maximum, inclusive }: SchemaIssue): string | undefined {
  const isSmall = code === 'too_small';
  if (typeof message !== 'string' || !message.startsWith(isSmall ? 'Too small: ' : 'Too big: ')) return undefined;
  const [among, beyond] = isSmall ? ['at least', 'more than'] : ['at most', 'less than'];
  const bound = Number(isSmall ? minimum : maximum);
  const how = `${inclusive === false ? beyond : among} ${bound}`;
  const parts = PARTS[String(origin)];
  return parts === undefined ? `must be ${how}` : `must have ${how} ${parts[bound === 1 ? 0 : 1]}`;
}

/** What makes up the size of each; the others are numbers. */
const PARTS: Readonly<Record<string, readonly [one: string, many: string]>> = Object.freeze({
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
});

const WORDS: Readonly<Record<string, string>> = Object.freeze({ int: 'integer', nonoptional: 'value', record: 'object' });

function withArticle(word: string): string {
  return `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;
}
