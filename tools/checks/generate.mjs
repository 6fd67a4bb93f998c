#!/usr/bin/env node
// `npm run generate`: writes docs/reference/ from the built packages. With --check it writes nothing and names what differs.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GENERATED_MARK } from '../documents/blocks.mjs';
import { commandLinePage } from './command-line-page.mjs';
import { configPages } from './config-pages.mjs';
import { errorsPage } from './errors-page.mjs';
import { eventsPage } from './events-page.mjs';
import { metricsPage } from './metrics-page.mjs';
import { operationsPage } from './operations-page.mjs';
import { pluginsPage } from './plugins-page.mjs';
import { sdkPage } from './sdk-page.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const reference = path.join(root, 'docs/reference');

const pages = new Map();
for (const make of [errorsPage, configPages, operationsPage, eventsPage, metricsPage, pluginsPage, sdkPage, commandLinePage]) {
  for (const [name, text] of await make(root)) pages.set(name, name.endsWith('.md') ? `${GENERATED_MARK}${text}` : text);
}

const stale = [...pages].filter(([name, text]) => readIfThere(name) !== text).map(([name]) => name);
const left = generatedBefore().filter((name) => !pages.has(name));
if (process.argv.includes('--check')) {
  for (const name of stale) console.error(`docs/reference/${name} is out of date: npm run generate`);
  for (const name of left) console.error(`docs/reference/${name} is not made any more: npm run generate`);
  process.exitCode = stale.length + left.length > 0 ? 1 : 0;
} else {
  for (const name of stale) {
    mkdirSync(path.dirname(path.join(reference, name)), { recursive: true });
    writeFileSync(path.join(reference, name), pages.get(name));
  }
  for (const name of left) rmSync(path.join(reference, name));
  console.log(`${pages.size} pages, ${stale.length} written, ${left.length} removed`);
}

/** What carries the mark and is not made any more is removed. */
function generatedBefore() {
  let names = [];
  try {
    names = readdirSync(reference, { recursive: true }).map((name) => name.split(path.sep).join('/'));
  } catch {
    return []; // nothing was ever made
  }
  return names.filter((name) => name.endsWith('.schema.json') || (name.endsWith('.md') && readIfThere(name)?.startsWith(GENERATED_MARK)));
}

function readIfThere(name) {
  try {
    return readFileSync(path.join(reference, name), 'utf8');
  } catch {
    return undefined;
  }
}
