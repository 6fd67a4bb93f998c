import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { copyOfRepository, git } from './repository-copy.js';
import { REPOSITORY } from './running-host.js';
import { shareBuilds } from './shared-builds.js';
import { tempFolder } from './temp-folder.js';

/** Where npm keeps packages that may not stand in the folder above. */
const NESTED = ['sdk', 'host', 'plugins/compute', 'plugins/workflow', 'plugins/harness'];

/**
 * A clone of this repository as its files are now, with its history and with what `npm install` leaves, without asking a registry. Not
 * built, but nx finds there what it has built of the same files here. It stands in a folder of its own, so that what a reader puts beside the clone meets nothing.
 */
export function repositoryCopy(): string {
  const copy = copyOfRepository();
  git(['add', '--all'], copy);
  git(['-c', 'user.name=Ada', '-c', 'user.email=ada@localhost', 'commit', '--quiet', '--allow-empty', '-m', 'As it is now'], copy);
  linkModules(copy);
  shareBuilds(copy);
  return copy;
}

/** What `npm install` leaves in a folder of its own: every package, those of this repository too. */
export function installedFolder(): string {
  const folder = tempFolder('bellows-installed');
  symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

function linkModules(copy: string): void {
  const source = path.join(REPOSITORY, 'node_modules');
  const modules = path.join(copy, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(source)) {
    // Commands and our own packages are links already, to what stands beside them; the stamp says that npm has nothing to install.
    if (name === '.bin' || name === '@bellows' || name === '.install-stamp') {
      cpSync(path.join(source, name), path.join(modules, name), { recursive: true, verbatimSymlinks: true });
    } else if (name.startsWith('@')) {
      // a package is what may be a link: executors of compute may read a package they need, not what is around it
      mkdirSync(path.join(modules, name));
      for (const inner of readdirSync(path.join(source, name)))
        symlinkSync(path.join(source, name, inner), path.join(modules, name, inner));
    } else if (!name.startsWith('.')) symlinkSync(path.join(source, name), path.join(modules, name));
  }
  for (const folder of NESTED) {
    const nested = path.join(REPOSITORY, folder, 'node_modules');
    if (existsSync(nested)) symlinkSync(nested, path.join(copy, folder, 'node_modules'));
  }
}
