import { shortened } from './shortened.js';

/** What is known of a finding of a schema: of zod, of another copy of it, or of something like it. */
export interface SchemaIssue {
  readonly code?: unknown;
  readonly expected?: unknown;
  readonly message?: unknown;
}

/** The finding in words. That something is left out is what is missing most often, and zod calls it "received undefined". */
export function issueMessage({ code, expected, message }: SchemaIssue): string {
  const isMissing =
    code === 'invalid_type' &&
    typeof message === 'string' &&
    message.startsWith('Invalid input: ') &&
    message.endsWith('received undefined');
  if (isMissing && typeof expected === 'string') return `is missing: expected ${withArticle(WORDS[expected] ?? expected)}`;
  return shortened(String(message ?? 'is not valid'));
}

const WORDS: Readonly<Record<string, string>> = Object.freeze({ int: 'integer', nonoptional: 'value', record: 'object' });

function withArticle(word: string): string {
  return `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;
}
