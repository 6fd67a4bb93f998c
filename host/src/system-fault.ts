import { messageOf } from '@bellows/sdk';

/** What an error of the file system means to who named the file, in words that go on after its name. Others speak for themselves. */
export function systemFault(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const words = WORDS.get(code);
  return words === undefined ? `cannot be read: ${messageOf(error)}` : `${words} (${code})`;
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'does not exist'],
  ['ENOTDIR', 'does not exist: a part of its path is a file, not a folder'],
  ['EISDIR', 'is a folder: name a file in it'],
  ['EACCES', 'may not be read by this user: mend its rights'],
  ['EPERM', 'may not be read by this user: mend its rights'],
  ['ELOOP', 'is a link that leads back to itself'],
  ['ENAMETOOLONG', 'has a name that is too long'],
]);
