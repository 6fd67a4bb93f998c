import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { cleanEnv, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const MODULES = path.join(REPOSITORY, 'node_modules');

/** A clone with the files as they are now: also what is not committed, of what git knows or would add. Reads, and changes nothing there. */
export function copyOfRepository(repository = REPOSITORY): string {
  const copy = path.join(tempFolder('bellows-clone'), 'bellows');
  git(['-c', 'advice.detachedHead=false', 'clone', '--quiet', repository, copy], repository);
  const head = git(['rev-parse', 'HEAD'], copy).trim();
  const changed = [
    ['diff', '--name-only', '--no-renames', '-z', head],
    ['ls-files', '-z', '--others', '--exclude-standard'],
  ];
  for (const name of changed.flatMap((args) => git(args, repository).split('\0')).filter(Boolean)) {
    if (name.endsWith('/')) continue; // another repository that stands in this one
    const to = path.join(copy, name);
    if (!isCopied(path.join(repository, name), to)) rmSync(to, { force: true });
  }
  return copy;
}

/** A file may be deleted, or go at this moment. */
function isCopied(from: string, to: string): boolean {
  try {
    cpSync(from, to, { force: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Runs git and answers what it prints. */
export function git(args: readonly string[], cwd: string): string {
  return execFileSync('git', args, { cwd, encoding: 'utf8', env: cleanEnv(), maxBuffer: 64 * 1024 * 1024 });
}

/** What `npm install` leaves of third parties, without asking a registry: links to this clone's packages. */
export function linkModules(folder: string): void {
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, '@bellows'), { recursive: true });
  for (const name of readdirSync(MODULES)) {
    if (name !== '@bellows' && (name === '.bin' || !name.startsWith('.'))) symlinkSync(path.join(MODULES, name), path.join(modules, name));
  }
}

/** What `npm install` leaves of the copy's own packages: a link by name, and what each has for itself alone. */
export function linkWorkspaces(copy: string, folders: readonly string[]): void {
  for (const folder of folders) {
    const { name } = JSON.parse(readFileSync(path.join(copy, folder, 'package.json'), 'utf8')) as { readonly name: string };
    symlinkSync(path.join(copy, folder), path.join(copy, 'node_modules', name));
    const own = path.join(REPOSITORY, folder, 'node_modules');
    if (existsSync(own)) symlinkSync(own, path.join(copy, folder, 'node_modules'));
  }
}

export function runNode(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env: cleanEnv(env) });
  return { status, output: `${stdout}${stderr}` };
}
