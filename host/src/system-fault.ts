import { messageOf } from '@bellows/sdk';

/** What an error of the file system means to who named the file, in words that go on after its name. Others speak for themselves. */
export function systemFault(error: unknown, done: 'read' | 'written' = 'read'): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const words = WORDS[done].get(code);
  return words === undefined ? `cannot be ${done}: ${messageOf(error)}` : `${words} (${code})`;
}

const WORDS: Readonly<Record<'read' | 'written', ReadonlyMap<string, string>>> = {
  read: new Map([
    ['ENOENT', 'does not exist'],
    ['ENOTDIR', 'does not exist: a part of its path is a file, not a folder'],
    ['EISDIR', 'is a folder: name a file in it'],
    ['EACCES', 'may not be read by this user: mend its rights'],
    ['EPERM', 'may not be read by this user: mend its rights'],
    ['ELOOP', 'is a link that leads back to itself'],
    ['ENAMETOOLONG', 'has a name that is too long'],
  ]),
  written: new Map([
    ['EISDIR', 'is a folder'],
    ['ENOTDIR', 'has a part that is a file, not a folder'],
    ['ENOENT', 'cannot be made there'],
    ['EACCES', 'may not be written by this user'],
    ['EPERM', 'may not be written by this user'],
    ['EROFS', 'is on a disk that is only for reading'],
    ['ENOSPC', 'finds no room on its disk'],
    ['ELOOP', 'goes through a link that leads back to itself'],
    ['ENAMETOOLONG', 'has a name that is too long'],
  ]),
};
