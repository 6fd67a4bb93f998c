import path from 'node:path';
import type { ErrorDetail } from '@bellows/sdk';
import { cut } from './operations/issue-sentence.js';
import { readTextFile } from './text-file.js';
import { joinPath } from './value-path.js';

interface SubstitutionContext {
  /** What `${file:…}` paths are meant from. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly problems: ErrorDetail[];
  readonly base: string;
  /** Filled with the path of every value that was put in from outside: these are shown hidden. */
  readonly substituted: Set<string>;
  /** Filled with the values themselves, which no message may quote. */
  readonly secrets: Set<string>;
  /** Filled with the files that were read (absolute). */
  readonly secretFiles: Set<string>;
}

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
  let result = '';
  let end = 0;
  for (let at = text.indexOf('${'); at >= 0; at = text.indexOf('${', end)) {
    if (text[at - 1] === '$' && at > end) {
      result += `${text.slice(end, at - 1)}\${`;
      end = at + 2;
      continue;
    }
    result += text.slice(end, at);
    const close = text.indexOf('}', at);
    if (close < 0) {
      end = at;
      refuseText(text.slice(at), context);
      break;
    }
    end = close + 1;
    result += await reference(text.slice(at, end), context);
  }
  return result + text.slice(end);
}

async function reference(written: string, context: SubstitutionContext): Promise<string> {
  const [, kind, name = ''] = /^\$\{(env|file):(.*)\}$/s.exec(written) ?? [];
  if (kind === undefined) {
    refuseText(written, context);
    return '';
  }
  context.substituted.add(context.base);
  const value = kind === 'env' ? variable(name.trim(), context) : await secretFrom(name.trim(), context);
  if (value === undefined) return '';
  context.secrets.add(value);
  return value;
}

function variable(name: string, { env, problems, base }: SubstitutionContext): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) problems.push({ path: base, message: `the environment variable ${JSON.stringify(cut(name))} is not set` });
  return value;
}

function refuseText(written: string, { problems, base }: SubstitutionContext): void {
  problems.push({ path: base, message: `${cut(written)} is no reference: write \${env:NAME} or \${file:PATH}, or $\${ for a plain \${` });
}

/** Tokens, passwords, keys and certificates are far below it. */
const MAX_SECRET_BYTES = 65_536;

async function secretFrom(name: string, { folder, problems, base, secretFiles }: SubstitutionContext): Promise<string | undefined> {
  const file = path.resolve(folder, name);
  const read = await readTextFile(file, { maxBytes: MAX_SECRET_BYTES });
  if ('text' in read) {
    secretFiles.add(file);
    return read.text.replace(/\r?\n$/, '');
  }
  problems.push({ path: base, message: `the file ${JSON.stringify(cut(name))} ${read.fault}` });
  return undefined;
}
