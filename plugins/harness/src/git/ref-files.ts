import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * Whether this repository keeps its refs as files that can be read without git (gitrepository-layout), not as reftables: those leave a HEAD
 * that means nothing.
 */
export async function hasRefFiles(commonDir: string): Promise<boolean> {
  return !isPlaceholder(await symbolic(path.join(commonDir, 'HEAD')));
}

/** The commit of `refs/heads/<branch>` when that is a file of its own; null when only git can tell (packed, an alias, a reftable, none). */
export async function looseCommit(commonDir: string, branch: string): Promise<string | null> {
  const text = await read(path.join(commonDir, 'refs/heads', branch));
  return text !== null && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : null;
}

/** The ref that a symbolic ref stands for in the end, such as a branch that is an alias of another one; else `ref` itself. */
export async function refBehind(commonDir: string, ref: string): Promise<string> {
  let at = ref;
  for (let links = 0; links < MAX_LINKS; links++) {
    const next = await symbolic(path.join(commonDir, at));
    if (next === null || !/^refs\/(?!.*\.\.)/.test(next)) return at;
    at = next;
  }
  return at;
}

/** False when no HEAD of the repository is on the branch `ref`; true when one is, or when only git can tell. */
export async function mayBeCheckedOut(commonDir: string, ref: string): Promise<boolean> {
  const own = path.join(commonDir, 'HEAD');
  // what very old versions of git made
  if ((await lstat(own).catch(() => null))?.isSymbolicLink()) return true;
  const worktrees = path.join(commonDir, 'worktrees');
  const names = await readdir(worktrees).catch(() => []);
  const heads = [own, ...names.map((name) => path.join(worktrees, name, 'HEAD'))];
  const found = await Promise.all(
    heads.map(async (head) => {
      const on = await symbolic(head);
      return on !== null && (on === ref || isPlaceholder(on) || (await refBehind(commonDir, on)) === ref);
    }),
  );
  return found.includes(true);
}

/** As many as git follows. */
const MAX_LINKS = 5;

function isPlaceholder(ref: string | null): boolean {
  return ref === 'refs/heads/.invalid';
}

async function symbolic(file: string): Promise<string | null> {
  return /^ref:\s*(.*)$/s.exec((await read(file)) ?? '')?.[1] ?? null;
}

async function read(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : text.trimEnd();
}
