import path from 'node:path';
import type { ErrorDetail } from '@bellows/sdk';
import { fileState } from './file-state.js';
import { cut } from './operations/issue-sentence.js';
import { isSecretName, isSecretVariable, passwordsIn } from './secret-names.js';
import { readTextFile, type TextFile } from './text-file.js';
import { joinPath } from './value-path.js';

interface SubstitutionContext {
  /** What `${file:…}` paths are meant from. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly problems: ErrorDetail[];
  readonly base: string;
  /** The innermost key above the value, also where that stands in a list. */
  readonly key?: string;
  /** Filled with the path of every value that was put in from outside: these are shown hidden. */
  readonly substituted: Set<string>;
  readonly putIn: PutIn;
}

/** Tokens, passwords, keys and certificates are far below it. */
const MAX_SECRET_BYTES = 65_536;

/** In characters. A short text could put in the same large file thousands of times, and end a running host that reads it. */
const MAX_PUT_IN = 4_194_304;

/** All that was put into one configuration. */
export class PutIn {
  /** The values themselves, which no message may quote. */
  readonly secrets = new Set<string>();
  /** Those that are secret beyond doubt: they came from a file, or are called so by the name of their variable or option. */
  readonly sureSecrets = new Set<string>();
  /** The files that were read (absolute). */
  readonly secretFiles = new Set<string>();
  /** Those and the ones that could not be read, each with what {@link fileState} said just before. */
  readonly files = new Map<string, string>();
  readonly #read = new Map<string, TextFile>();
  #left = MAX_PUT_IN;

  /** Each file is read once, so that it is the same in all places. */
  async file(file: string): Promise<TextFile> {
    const known = this.#read.get(file);
    if (known !== undefined) return known;
    this.files.set(file, await fileState(file));
    const read = await readTextFile(file, { maxBytes: MAX_SECRET_BYTES });
    this.#read.set(file, read);
    if ('text' in read) this.secretFiles.add(file);
    return read;
  }

  /** Answers what is put in: nothing where there is no room, which is told once. */
  take(value: string, told: (message: string) => void): string {
    this.secrets.add(value);
    const had = this.#left;
    this.#left -= value.length;
    if (this.#left >= 0) return value;
    if (had >= 0) told(`with this more than ${MAX_PUT_IN / 1_048_576} MiB are put in: put in less, or have the plugin read the file`);
    return '';
  }
}

/**
 * Replaces `${env:NAME}` and `${file:PATH}` in every string of a tree and answers a new tree; `$${` writes `${`.
 * The last line break of a file is left out. What is not there becomes a problem, never an empty text. Reads one file after the other:
 * a text may name more than a process can have open.
 */
export async function substitute(value: unknown, context: SubstitutionContext): Promise<unknown> {
  if (typeof value === 'string') return substituteText(value, context);
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const [index, item] of value.entries()) items.push(await substitute(item, { ...context, base: joinPath(context.base, [index]) }));
    return items;
  }
  if (typeof value === 'object' && value !== null) {
    const entries: [string, unknown][] = [];
    for (const [key, inner] of Object.entries(value))
      entries.push([key, await substitute(inner, { ...context, key, base: joinPath(context.base, [key]) })]);
    // A null prototype would surprise plugins; fromEntries defines own properties, so `__proto__` stays a plain key.
    return Object.fromEntries(entries);
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
  return context.putIn.take(value, (message) => context.problems.push({ path: context.base, message }));
}

function variable(name: string, { env, problems, base, key = '', putIn }: SubstitutionContext): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) {
    problems.push({ path: base, message: `the environment variable ${JSON.stringify(cut(name))} is not set` });
    return undefined;
  }
  if (isSecretVariable(name) || isSecretName(key)) putIn.sureSecrets.add(value);
  for (const password of passwordsIn(value)) putIn.sureSecrets.add(password);
  return value;
}

function refuseText(written: string, { problems, base }: SubstitutionContext): void {
  problems.push({ path: base, message: `${cut(written)} is no reference: write \${env:NAME} or \${file:PATH}, or $\${ for a plain \${` });
}

async function secretFrom(name: string, { folder, problems, base, putIn }: SubstitutionContext): Promise<string | undefined> {
  const read = await putIn.file(path.resolve(folder, name));
  if ('text' in read) {
    const value = read.text.replace(/\r?\n$/, '');
    putIn.sureSecrets.add(value);
    return value;
  }
  problems.push({ path: base, message: `the file ${JSON.stringify(cut(name))} ${read.fault}` });
  return undefined;
}
