import { realpathSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The flags of Node.js for an executor: it may read its own package, in which all its code is bundled, and the folder of
 * the modules, and nothing else; it may write nothing, start no process and, from Node.js 25 on, open no connection. A
 * second wall behind the instance, for mistakes in what WASI is made of; no wall against code that has broken out of V8
 * itself. Threads inherit it, as long as they are not given flags of their own. `modulesFolder` must exist.
 */
export function executorFlags(entry: URL, modulesFolder: string): string[] {
  const own = findPackageJSON('..', entry) ?? fileURLToPath(entry);
  const folders = [...bothWays(path.dirname(own)), ...bothWays(modulesFolder)];
  return [
    '--permission',
    '--allow-worker',
    // which says at each start that threads may get rights of their own
    '--disable-warning=SecurityWarning',
    ...[...new Set(folders)].map((folder) => `--allow-fs-read=${path.join(folder, '*')}`),
  ];
}

/** A package manager may link packages: both ways to the files are looked at. */
function bothWays(folder: string): readonly string[] {
  return [path.resolve(folder), realpathSync(folder)];
}
