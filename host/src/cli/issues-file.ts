import { stat } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '@bellows/sdk';

/**
 * Where the issues are: in the folder of the command, else in the repository. `InputError` (`FILE_UNREADABLE`) when in neither;
 * with `isElsewhere` the first is taken then, for what is there cannot be seen from here.
 */
export async function findIssues(
  given: string,
  { cwd, repo, isElsewhere }: { readonly cwd: string; readonly repo: string; readonly isElsewhere: boolean },
): Promise<string> {
  const folders = [...new Set([path.resolve(cwd), path.resolve(repo)])];
  const files = [...new Set(folders.map((folder) => path.resolve(folder, given)))];
  for (const file of files) if (await isThere(file)) return file;
  if (isElsewhere) return path.resolve(cwd, given);
  const where = path.isAbsolute(given) ? '' : `, neither in ${folders.join(' nor in the repository ')}`;
  const said = folders.length === 1 ? where.replace('neither ', '') : where;
  throw new InputError('FILE_UNREADABLE', `--issues: there is no file ${given}${said}.`);
}

async function isThere(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined;
}
