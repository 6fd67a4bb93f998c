import { messageOf } from '@bellows/sdk';
import { type CommandContext, usageError } from './command-context.js';

/** A value of the command line: JSON, `@file`, or `-` for standard input. `InputError` (`USAGE`, `FILE_UNREADABLE`). */
export async function readJson(context: CommandContext, given: string): Promise<unknown> {
  const [text, from] = await inputText(context, given);
  try {
    // Editors and shells of Windows put a byte order mark before their text.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw usageError(`${from} is no JSON: ${messageOf(error)}.`);
  }
}

async function inputText(context: CommandContext, given: string): Promise<[text: string, from: string]> {
  if (given === '-') return [(await context.readStdin()).toString(), 'Standard input'];
  if (given === '@') throw usageError('After @ the name of a file is missing.');
  if (given.startsWith('@')) return [(await context.readFile(given.slice(1))).toString(), given.slice(1)];
  return [given, 'The input'];
}
