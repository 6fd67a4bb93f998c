import type { ErrorDetail } from '@bellows/sdk';

/** Stands for a value that may be a secret. */
export const HIDDEN_VALUE = '(hidden)';

/** Where values came from, by path. Those of origin `secret` were put in from the environment or a file. */
type Origins = ReadonlyMap<string, string>;

/** Whether something at `path`, in it or around it came from outside: also what a plugin makes of such a text is hidden. */
export function isPutIn(path: string, origins: Origins): boolean {
  for (const [secret, origin] of origins) {
    if (origin === 'secret' && (secret === path || isBelow(secret, path) || isBelow(path, secret))) return true;
  }
  return false;
}

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(`${parent}.`) || path.startsWith(`${parent}[`);
}

/** Shorter ones are words (`info`, `7070`) that stand in messages by themselves and are no secret to keep. */
const MIN_SECRET_LENGTH = 6;

/** `text` without what was put in from outside: a plugin may quote its options in what it says of them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const hidden = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length);
  return hidden.reduce((shown, secret) => {
    // quoted, line breaks and quotation marks of a secret are written otherwise
    const forms = [secret, JSON.stringify(secret).slice(1, -1)];
    return forms.reduce((left, form) => left.replaceAll(form, HIDDEN_VALUE), shown);
  }, text);
}

/** The same for what is wrong with a configuration. */
export function problemsWithoutSecrets(problems: readonly ErrorDetail[], secrets: readonly string[]): ErrorDetail[] {
  return problems.map((problem) => ({ ...problem, message: withoutSecrets(problem.message, secrets) }));
}
