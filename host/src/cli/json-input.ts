import { messageOf } from '@bellows/sdk';
import { type CommandContext, usageError } from './command-context.js';

/** A value of the command line: JSON, `@file`, or `-` for standard input. `InputError` (`USAGE`, `FILE_UNREADABLE`). */
export async function readJson(context: CommandContext, given: string): Promise<unknown> {
  const [text, from] = await inputText(context, given);
  try {
    // Editors and shells of Windows put a byte order mark before their text.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw usageError(`${from} is no JSON: ${(text === given ? asMeant(text) : undefined) ?? `${messageOf(error)}.`}`);
  }
}

/** How to write what looks like a text, or a pair as other commands take it, so that the shell hands on JSON. */
function asMeant(text: string): string | undefined {
  if (!WORDS.test(text)) return undefined;
  const [, name, value = ''] = /^([\w.-]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined) return `a text needs quotes of its own, '${JSON.stringify(text)}'.`;
  const written = /^(-?\d{1,15}|true|false|null)$/.test(value) ? value : JSON.stringify(value);
  return `an object is written '{ ${JSON.stringify(name)}: ${written} }'.`;
}

/** What nobody takes for JSON with a mistake in it, and short enough to be shown again. */
const WORDS = /^\p{L}[^{}[\]"'\p{Cc}]{0,79}$/u;

async function inputText(context: CommandContext, given: string): Promise<[text: string, from: string]> {
  if (given === '-') return [(await context.readStdin()).toString(), 'Standard input'];
  if (given === '@') throw usageError('After @ the name of a file is missing.');
  if (given.startsWith('@')) return [(await context.readFile(given.slice(1))).toString(), given.slice(1)];
  return [given, 'The input'];
}
