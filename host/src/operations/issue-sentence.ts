import type { z } from '@bellows/sdk';

type Issue = z.core.$ZodIssue;

/** What a value is called: its kind, and where it may be shown and is short, itself. */
export interface GivenValue {
  readonly value: unknown;
  /** False where the value may be a secret: its kind is named, the value is not. */
  readonly show: boolean;
}

/** Longer keys and values are cut in messages: an answer must not grow with the size of a hostile input. */
const MAX_SHOWN_LENGTH = 80;

/** What is wrong, in words of people. The author of a schema who wrote a message of his own is quoted as he wrote it. */
export function issueSentence(issue: Issue, given: GivenValue): string {
  if (!OWN_WORDS[issue.code]?.test(issue.message)) return issue.message === '' ? 'is not valid' : issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return typeSentence([issue.expected], given);
    case 'too_small':
      return sizeSentence({ ...issue, bound: issue.minimum }, { inclusive: 'at least', exclusive: 'more than' });
    case 'too_big':
      return sizeSentence({ ...issue, bound: issue.maximum }, { inclusive: 'at most', exclusive: 'less than' });
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return formatSentence(issue);
    case 'invalid_value': {
      const allowed = issue.values.map((value) => (typeof value === 'string' ? JSON.stringify(value) : String(value)));
      const not = given.show ? `, not ${shown(given.value) ?? kindOf(given.value)}` : '';
      return `must be ${allowed.length === 1 ? '' : 'one of '}${allowed.join(', ')}${not}`;
    }
    case 'invalid_key':
      return `has a key that is not allowed: ${inner(issue.issues, { value: issue.path.at(-1), show: given.show })}`;
    case 'invalid_element':
      return `holds an entry that is not allowed: ${inner(issue.issues, { value: undefined, show: false })}`;
    case 'invalid_union':
      return issue.inclusive === false
        ? 'fits more than one of the forms that are possible here'
        : 'fits none of the forms that are possible here';
    default:
      return 'is not valid';
  }
}

/** `expected` are the names zod has for types. */
export function typeSentence(expected: readonly string[], { value, show }: GivenValue): string {
  const wanted = [...new Set(expected)].map((type) => TYPES[type] ?? `a value of type ${type}`).join(' or ');
  if (value === undefined) return `is missing: expected ${wanted}`;
  return `expected ${wanted}, got ${(show ? shown(value) : undefined) ?? kindOf(value)}`;
}

export function cut(text: string): string {
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

/** How the messages begin that zod makes itself; any other is the author's. */
const OWN_WORDS: Partial<Readonly<Record<Issue['code'], RegExp>>> = {
  invalid_type: /^Invalid input: expected/,
  too_small: /^Too small: expected/,
  too_big: /^Too big: expected/,
  not_multiple_of: /^Invalid number: must be a multiple/,
  invalid_format: /^Invalid /,
  invalid_value: /^Invalid (input|option): expected/,
  invalid_key: /^Invalid key in/,
  invalid_element: /^Invalid value in/,
  invalid_union: /^Invalid (input|discriminator)/,
  custom: /^Invalid input$/,
};

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a big integer',
  boolean: 'true or false',
  null: 'null',
  undefined: 'nothing',
  never: 'nothing',
  void: 'nothing',
  nonoptional: 'a value',
  nan: 'NaN',
  date: 'a date',
  array: 'a list',
  tuple: 'a list',
  set: 'a set',
  object: 'an object',
  record: 'a map of keys to values',
  map: 'a map of keys to values',
  function: 'a function',
};

/** What makes up the size of each; the others are numbers. */
const PARTS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
  set: ['entry', 'entries'],
  map: ['entry', 'entries'],
  record: ['key', 'keys'],
  object: ['key', 'keys'],
  file: ['byte', 'bytes'],
};

const FORMATS: Readonly<Record<string, string>> = {
  base64: 'base64',
  base64url: 'base64 of the kind for URLs',
  cidrv4: 'a range of IPv4 addresses',
  cidrv6: 'a range of IPv6 addresses',
  date: 'a date like 2026-01-31',
  datetime: 'a time like 2026-01-31T12:00:00Z',
  duration: 'a duration like PT5M',
  email: 'an e-mail address',
  hex: 'hexadecimal digits',
  hostname: 'the name of a host',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  json_string: 'JSON',
  jwt: 'a JSON Web Token',
  lowercase: 'in lower case',
  time: 'a time of day like 12:00:00',
  uppercase: 'in upper case',
  url: 'a URL',
  uuid: 'a UUID',
};

interface Size {
  readonly origin: string;
  readonly bound: number | bigint;
  readonly inclusive?: boolean;
  readonly exact?: boolean;
}

function sizeSentence(
  { origin, bound, inclusive, exact }: Size,
  words: { readonly inclusive: string; readonly exclusive: string },
): string {
  const how = exact ? 'exactly' : inclusive === false ? words.exclusive : words.inclusive;
  const parts = PARTS[origin];
  if (parts) return `must have ${how} ${bound} ${parts[Number(bound) === 1 ? 0 : 1]}`;
  return `must be ${how} ${origin === 'date' ? new Date(Number(bound)).toISOString() : bound}`;
}

function formatSentence(issue: z.core.$ZodIssueInvalidStringFormat): string {
  const { format, pattern, prefix, suffix, includes } = issue as typeof issue & Readonly<Record<'prefix' | 'suffix' | 'includes', string>>;
  if (format === 'starts_with') return `must start with ${JSON.stringify(prefix)}`;
  if (format === 'ends_with') return `must end with ${JSON.stringify(suffix)}`;
  if (format === 'includes') return `must contain ${JSON.stringify(includes)}`;
  if (format === 'regex' || format === 'template_literal') return `must match the pattern ${pattern}`;
  return `must be ${FORMATS[format] ?? `a valid ${format}`}`;
}

function inner(issues: readonly Issue[], given: GivenValue): string {
  const [first] = issues;
  return first === undefined ? 'it is not valid' : issueSentence(first, given);
}

/** Undefined for what has no short form. */
function shown(value: unknown): string | undefined {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'string') return `the string ${JSON.stringify(cut(value))}`;
  return undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (value === undefined) return 'nothing';
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : 'an infinite number';
  const type = typeof value;
  return type === 'object' ? 'an object' : `a ${type}`;
}
