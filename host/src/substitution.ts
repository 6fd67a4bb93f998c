import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type ErrorDetail, messageOf } from '@bellows/sdk';
import { joinPath } from './value-path.js';

interface SubstitutionContext {
  /** What `${file:…}` paths are meant from. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly problems: ErrorDetail[];
  readonly base: string;
  /** Filled with the path of every value that was put in from outside: these are shown hidden. */
  readonly substituted: Set<string>;
}

const REFERENCE = /\$\$\{|\$\{(?:(env|file):)?([^}]*)\}/g;

/**
 * Replaces `${env:NAME}` and `${file:PATH}` in every string of a tree and answers a new tree; `$${` writes `${`.
 * The last line break of a file is left out. What is not there becomes a problem, never an empty text.
 */
export async function substitute(value: unknown, context: SubstitutionContext): Promise<unknown> {
  if (typeof value === 'string') return substituteText(value, context);
  if (Array.isArray(value)) {
    return Promise.all(value.map((item, index) => substitute(item, { ...context, base: joinPath(context.base, [index]) })));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      async ([key, inner]) => [key, await substitute(inner, { ...context, base: joinPath(context.base, [key]) })] as const,
    );
    // A null prototype would surprise plugins; fromEntries defines own properties, so `__proto__` stays a plain key.
    return Object.fromEntries(await Promise.all(entries));
  }
  return value;
}

async function substituteText(text: string, context: SubstitutionContext): Promise<string> {
  if (!text.includes('${')) return text;
  let result = '';
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    result += text.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === '$${') result += '${';
    else if (match[1] === undefined) {
      const message = `${match[0]} is no reference: write \${env:NAME} or \${file:PATH}, or $\${ for a plain \${`;
      context.problems.push({ path: context.base, message });
    } else {
      context.substituted.add(context.base);
      result += await readReference(match[1], (match[2] ?? '').trim(), context);
    }
  }
  return result + text.slice(end);
}

async function readReference(kind: string, name: string, { folder, env, problems, base }: SubstitutionContext): Promise<string> {
  if (kind === 'env') {
    const value = env[name];
    if (value === undefined) problems.push({ path: base, message: `the environment variable ${JSON.stringify(name)} is not set` });
    return value ?? '';
  }
  try {
    return (await readFile(path.resolve(folder, name), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    problems.push({
      path: base,
      message: `the file ${JSON.stringify(name)} cannot be read (${(error as NodeJS.ErrnoException).code ?? messageOf(error)})`,
    });
    return '';
  }
}
