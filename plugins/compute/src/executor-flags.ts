import { realpathSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What an executor imports from outside of its own package. */
const DEPENDENCY = '@bjorn3/browser_wasi_shim';

/**
 * The flags of Node.js for an executor: it may read its own code and the folder of the modules, and nothing else; it may
 * write nothing, start no process and, from Node.js 25 on, open no connection. A second wall behind the instance, for
 * mistakes in what WASI is made of; no wall against code that has broken out of V8 itself. Threads inherit it, as
 * long as they are not given flags of their own. `modulesFolder` must exist.
 */
export function executorFlags(entry: URL, modulesFolder: string): string[] {
  const own = findPackageJSON('..', entry) ?? fileURLToPath(entry);
  const dependency = findPackageJSON(DEPENDENCY, entry);
  const folders = [path.dirname(own), ...(dependency === undefined ? [] : [path.dirname(dependency)]), modulesFolder];
  // a package manager may link packages: both ways to the file are looked at
  const readable = new Set(folders.flatMap((folder) => [path.resolve(folder), realpathSync(folder)]));
  return [
    '--permission',
    '--allow-worker',
    // which says at each start that threads may get rights of their own
    '--disable-warning=SecurityWarning',
    ...[...readable].map((folder) => `--allow-fs-read=${path.join(folder, '*')}`),
  ];
}
