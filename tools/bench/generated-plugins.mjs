import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { generateFiles } from '@nx/devkit';
import { createTree } from '@nx/devkit/testing';
import { transform } from 'esbuild';

const TEMPLATE = path.join(import.meta.dirname, '../generators/plugin/files');

/**
 * Writes so many plugins as the generator would below `folder`, each with a name of its own and built, without their tests. Answers
 * their entries for `plugins:` of a configuration.
 */
export async function generatedPlugins(folder, count) {
  const names = Array.from({ length: count }, (_, index) => `made-${index}`);
  for (const name of names) {
    const tree = createTree();
    generateFiles(tree, TEMPLATE, name, { name, className: name.replace('made-', 'Made'), description: 'Makes fingerprints.' });
    await Promise.all(tree.listChanges().map((change) => write(folder, change)));
  }
  return Object.fromEntries(names.map((name) => [name, { from: path.join(folder, name) }]));
}

async function write(folder, { path: name, content }) {
  const [, plugin, source] = /^([^/]+)\/src\/(.*)\.ts$/.exec(name) ?? [];
  if (source !== undefined) {
    const { code } = await transform(content.toString(), { loader: 'ts', format: 'esm', target: 'node24' });
    writeInto(path.join(folder, plugin, 'dist', `${source}.js`), code);
  } else if (/^[^/]+\/(package|plugin)\.json$/.test(name)) writeInto(path.join(folder, name), content);
}

function writeInto(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
