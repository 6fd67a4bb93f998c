import type { ErrorDetail } from '@bellows/sdk';
import type { Origin } from './config-file.js';

/** Stands for a value that may be a secret. */
export const HIDDEN_VALUE = '(hidden)';

/** Stands for what no JSON can show: a function, or a value that holds itself. */
const UNSHOWABLE = '(no plain value)';

/** Where values came from, by path. Those of origin `secret` were put in from the environment or a file. Does not change any more. */
type Origins = ReadonlyMap<string, Origin>;

/**
 * Where the value at `path` came from. What a schema made of a text, and a list that it made into one text, came from where that did; of
 * several origins inside of a value `secret` is told.
 */
export function originOf(path: string, origins: Origins): Origin {
  const inside = originsAround(origins).get(path);
  if (inside !== undefined) return inside;
  const above = parentsOf(path).find((parent) => origins.has(parent));
  return (above === undefined ? undefined : origins.get(above)) ?? 'default';
}

/** By configuration: every path with an origin, and all above it. */
const around = new WeakMap<Origins, ReadonlyMap<string, Origin>>();

function originsAround(origins: Origins): ReadonlyMap<string, Origin> {
  const known = around.get(origins);
  if (known !== undefined) return known;
  const all = new Map<string, Origin>();
  for (const [path, origin] of origins) {
    for (const one of [path, ...parentsOf(path)]) if (origin === 'secret' || !all.has(one)) all.set(one, origin);
  }
  around.set(origins, all);
  return all;
}

/** The nearest first. What stands inside of a quoted key ends no path: there may be a million dots. */
function parentsOf(path: string): string[] {
  const ends = [...path.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[.[]/g)].filter(([part]) => part === '.' || part === '[');
  return ends.map(({ index }) => path.slice(0, index)).reverse();
}

interface Hiding {
  readonly origins: Origins;
  readonly secrets: readonly string[];
}

/** A value as JSON that may be shown: hidden where it was put in, and where a schema put such a text into another option. */
export function shownValue(path: string, value: unknown, { origins, secrets }: Hiding): unknown {
  if (value === undefined) return undefined;
  const origin = originOf(path, origins);
  if (origin === 'secret') return HIDDEN_VALUE;
  const shown = asJson(value);
  const text = typeof shown === 'string' ? shown : JSON.stringify(shown);
  return origin === 'default' && withoutSecrets(text, secrets) !== text ? HIDDEN_VALUE : shown;
}

function asJson(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'number') return value;
  try {
    const text = JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? String(one) : one));
    return text === undefined ? UNSHOWABLE : JSON.parse(text);
  } catch {
    return UNSHOWABLE;
  }
}

/** Shorter ones are words (`info`, `7070`) that stand in messages by themselves and are no secret to keep. */
const MIN_SECRET_LENGTH = 6;

/** `text` without what was put in from outside: a plugin may quote its options in what it says of them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return withoutForms(text, formsOf(secrets));
}

/** What {@link withoutForms} looks for, the longest first: a secret may stand inside of another one. */
export function formsOf(secrets: readonly string[]): readonly string[] {
  const hidden = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length);
  // quoted, line breaks and quotation marks of a secret are written otherwise
  return [...new Set(hidden.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))];
}

export function withoutForms(text: string, forms: readonly string[]): string {
  return forms.reduce((left, form) => left.replaceAll(form, HIDDEN_VALUE), text);
}

/** The same for what is wrong with a configuration, whoever wrote the words. */
export function problemsWithoutSecrets(problems: readonly ErrorDetail[], secrets: readonly string[]): ErrorDetail[] {
  const hide = (text: string) => withoutSecrets(text, secrets);
  return problems.map(({ suggestion, ...problem }) => ({
    ...problem,
    message: hide(problem.message),
    ...(suggestion === undefined ? {} : { suggestion: hide(suggestion) }),
  }));
}
