// Whether all that was built last is still as it was, and what it was built from. Built-ins of Node 18 only.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What is built, and where: in each of these folders `dist` is taken with the sources. */
const FOLDERS = ['sdk', 'host', 'plugins', 'docs/examples'];
/** Beside them, what decides how they are built; looked at without going into folders. */
const FLAT = ['.', 'tools'];
/** Not built, or made by what runs: Node keeps compiled code beside the program. */
const PASSED_OVER = new Set(['node_modules', 'test', 'compile-cache']);
const IS_BUILT = (name) => name.split(path.sep).includes('dist');
const IS_SOURCE = (name) => !IS_BUILT(name);

/**
 * A note of the last build of everything. nx, which runs here without its daemon, puts the files of a build back each time it is asked,
 * and takes them away first: a host that runs from this clone would miss them for a moment. So it is asked only when something differs.
 */
export function lastBuild(root, node) {
  const file = path.join(root, '.nx', 'last-build');
  return {
    isCurrent() {
      try {
        return readFileSync(file, 'utf8') === noteOf(sources(root, node), root);
      } catch {
        return false; // never built, or a file that went while it was looked at
      }
    },
    /** Runs the build and notes it, unless a source was changed meanwhile: nobody knows then what was built. */
    async renew(build) {
      const before = sources(root, node);
      await build();
      if (sources(root, node) !== before) return;
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, noteOf(before, root));
    },
  };
}

function noteOf(sources, root) {
  const built = digest(FOLDERS.flatMap((folder) => filesBelow(root, folder, IS_BUILT)));
  return `${sources} ${built}`;
}

function sources(root, node) {
  const flat = FLAT.flatMap((folder) =>
    entriesOf(root, folder)
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(root, folder, entry.name)),
  );
  return digest([...flat, ...FOLDERS.flatMap((folder) => filesBelow(root, folder, IS_SOURCE))], node);
}

/** Of names, sizes and times of change: reading 30 MB would take longer than asking nx. */
function digest(files, ...parts) {
  const hash = createHash('sha256').update(parts.join());
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function filesBelow(root, folder, isWanted) {
  return entriesOf(root, folder).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (PASSED_OVER.has(entry.name)) return [];
    if (entry.isDirectory()) return filesBelow(root, name, isWanted);
    return entry.isFile() && isWanted(name) ? [path.join(root, name)] : [];
  });
}

function entriesOf(root, folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}
