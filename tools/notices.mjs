import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Writes the licence of every package of which one of `sources` is part, as those licences ask for; no file where there is none. Paths are relative to the working folder. */
export function writeNotices(file, sources) {
  const packages = new Map();
  for (const source of sources) {
    const match = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(source.replaceAll('\\', '/'));
    if (match) packages.set(path.resolve(match[1]), match[2]);
  }
  if (packages.size === 0) return;
  const texts = [...packages].sort(([, a], [, b]) => (a < b ? -1 : 1)).map(([root, name]) => notice(root, name));
  writeFileSync(file, `This package contains code of the following packages.\n\n${texts.join('\n')}`);
}

function notice(root, name) {
  const { version, license } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(path.join(root, file), 'utf8').trim() : `Licence: ${license}`;
  return `${name} ${version} (${license})\n${'-'.repeat(40)}\n${text}\n`;
}
