import { readFileSync } from 'node:fs';
import path from 'node:path';
import { blocksOf, GENERATED_MARK, stepsOf } from '../documents/blocks.mjs';
import { isDocument } from '../documents/documents.mjs';
import { unreadText } from '../documents/unread-text.mjs';

/** What is typed or executed, and so can be wrong. */
const SHELL = new Set(['bash', 'sh', 'shell', 'console']);
/** Tried where they stand, without a mark: compiled, checked by the host, parsed. */
const STANDING = new Set(['ts', 'yaml', 'json']);
/** What somebody reads: output, drawings, documents. */
const SHOWN = new Set(['text', 'markdown']);
const MARKS = { run: true, background: true, beside: true, repeat: true, until: 'text', file: 'text' };

/**
 * Every block that could be wrong is tried by a test, or the line above it says why not. What a page made by the code shows is true as
 * long as the page is up to date, which is another check; that one looks at docs/reference only.
 */
export function documentBlocks({ root, files }) {
  return files.filter(isDocument).flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    const isGenerated = text.startsWith(GENERATED_MARK);
    if (isGenerated && file.startsWith('docs/reference/')) return [];
    const unread = unreadText(text);
    const tried = new Map(stepsOf(text).map((step) => [step.line, step]));
    const found = blocksOf(text).flatMap((block) => faultsOf(block, tried.get(block.line)).map((fault) => ({ line: block.line, fault })));
    if (isGenerated) found.push({ line: 1, fault: '`npm run generate` makes no page here' });
    return [...unread, ...found].map(({ line, fault }) => `${file}:${line}: ${fault}`);
  });
}

function faultsOf({ language, marks, text, reason }, step) {
  const faults = markFaults(marks);
  if (marks.run && !SHELL.has(language)) faults.push(`${language || 'a block without a language'} cannot be run: only bash`);
  if (marks.repeat && step?.shows === undefined) faults.push('repeat needs a text behind it: until when?');
  if (reason !== undefined && step !== undefined) faults.push('it is tried, and above it stands why not');
  if (SHOWN.has(language) && /^\$ /m.test(text)) faults.push('a command in a text is not tried: give it a bash block of its own');
  if (reason !== undefined || step !== undefined || SHOWN.has(language)) return faults;
  if (language === 'json') faults.push(...jsonFaults(text));
  else if (SHELL.has(language)) faults.push('nothing runs this: mark it with run, or say why not in <!-- not run: … --> above');
  else if (!STANDING.has(language)) faults.push(untriedLanguage(language));
  return faults;
}

function markFaults(marks) {
  const faults = Object.entries(marks).flatMap(([name, value]) => {
    if (!(name in MARKS)) return [`${name} is no mark; there are ${Object.keys(MARKS).join(', ')}`];
    return (MARKS[name] === 'text') === (typeof value === 'string') ? [] : [`${name} must ${value === true ? '' : 'not '}have a value`];
  });
  if (Boolean(marks.background) !== Boolean(marks.until)) faults.push('background and until belong together');
  for (const name of ['background', 'beside', 'repeat']) if (marks[name] && !marks.run) faults.push(`${name} says how, so it needs run`);
  if (marks.run && marks.file) faults.push('run and file are two steps');
  return faults;
}

function untriedLanguage(language) {
  const tried = `${[...STANDING, 'bash'].join(', ')} are tried, ${[...SHOWN].join(' and ')} are only shown`;
  return `nothing tries ${language || 'a block without a language'} (${tried}): change it, or say why not in <!-- not run: … --> above`;
}

function jsonFaults(text) {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    return [`is no JSON: ${error.message}`];
  }
}
