import { readFileSync } from 'node:fs';
import path from 'node:path';
import { blocksOf } from '../documents/blocks.mjs';
import { isDocument } from '../documents/documents.mjs';

/** What is typed or executed, and so can be wrong. */
const SHELL = new Set(['bash', 'sh', 'shell', 'console']);
/** Tried where they stand, without a mark: compiled, parsed, checked by the host. */
const STANDING = new Set(['ts', 'js', 'yaml', 'json']);
const MARKS = { run: true, background: true, beside: true, repeat: true, until: 'text', file: 'text' };

/**
 * Every block that could be wrong is tried by a test, or the line above it says why not. What a page made by the code shows is true as
 * long as the page is up to date, which is another check.
 */
export function documentBlocks({ root, files }) {
  return files.filter(isDocument).flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    const blocks = blocksOf(text).filter(({ isGenerated }) => !isGenerated);
    const open = unusualFences(text).map((line) => [line, 'a fence must be ``` at the beginning of its line, and closed']);
    const found = blocks.flatMap((block) => faultsOf(block).map((fault) => [block.line, fault]));
    return [...open, ...found].map(([line, fault]) => `${file}:${line}: ${fault}`);
  });
}

function faultsOf({ language, marks, text, reason }) {
  const faults = Object.entries(marks).flatMap(([name, value]) => {
    if (!(name in MARKS)) return [`${name} is no mark; there are ${Object.keys(MARKS).join(', ')}`];
    return (MARKS[name] === 'text') === (typeof value === 'string') ? [] : [`${name} must ${value === true ? '' : 'not '}have a value`];
  });
  if (marks.run && !SHELL.has(language)) faults.push(`${language || 'a block without a language'} cannot be run: only bash`);
  if (Boolean(marks.background) !== Boolean(marks.until)) faults.push('background and until belong together');
  if (reason !== undefined || marks.run || marks.file) return faults;
  if (SHELL.has(language)) faults.push('nothing runs this: mark it with run, or say why not in <!-- not run: … --> above');
  else if (language === 'json') faults.push(...jsonFaults(text));
  else if (/^(typescript|javascript|yml)$/.test(language)) faults.push(`write ${[...STANDING].join(', ')}, so that it is tried`);
  return faults;
}

function jsonFaults(text) {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    return [`is no JSON: ${error.message}`];
  }
}

/** Lines of fences that the blocks are not read from: indented, of tildes, or without an end. */
function unusualFences(text) {
  const lines = text.split('\n');
  const unusual = lines.flatMap((line, index) => (/^(?:\s+```|\s*~~~|````)/.test(line) ? [index + 1] : []));
  const fences = lines.flatMap((line, index) => (line.startsWith('```') ? [index + 1] : []));
  return fences.length % 2 === 0 ? unusual : [...unusual, fences.at(-1)];
}
