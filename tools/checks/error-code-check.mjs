import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isSource } from './source-checks.mjs';

/** `new InputError('CODE'`, `new BellowsError(kind, 'CODE'` and the makers of the plugins (`computeError('CODE'`). */
const THROWN = /(?:new \w*Error|\b[a-z]\w*Error)\(\s*(?:[\w.]+,\s*)?'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g;
/** An entry of a table: `CODE: { kind: 'input', text: …`. */
const DESCRIBED = /^\s*([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*): \{\s*(?:\/\/.*\s*)?(?:kind|text):/gm;

/** Compares what the sources throw with the tables of texts; a package may use the codes of the SDK and of the host, too. */
export function errorCodes({ root, files }) {
  // what was released is not changed any more
  const sources = files.filter((file) => isSource(file) && !file.includes('/fixtures/'));
  const packages = Map.groupBy(sources, (file) => file.slice(0, file.indexOf('src/')));
  const shared = ['sdk/', 'host/'].flatMap((folder) => [...described(root, packages.get(folder) ?? [])]);
  return [...packages].flatMap(([folder, own]) => {
    const known = new Set([...shared, ...described(root, own)]);
    return own.flatMap((file) =>
      [...readFileSync(path.join(root, file), 'utf8').matchAll(THROWN)]
        .filter(([, code]) => !known.has(code))
        .map(([, code]) => `${file}: ${code} has no entry in the table of error codes of ${folder}`),
    );
  });
}

function described(root, sources) {
  return new Set(sources.flatMap((file) => [...readFileSync(path.join(root, file), 'utf8').matchAll(DESCRIBED)].map(([, code]) => code)));
}
