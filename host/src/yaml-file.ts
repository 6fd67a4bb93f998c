import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { type ErrorDetail, findUnconvertible, messageOf } from '@bellows/sdk';
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { isCircular } from './circular.js';

export interface YamlFile {
  /** Keys and values; never a list or a single value. */
  readonly tree: Readonly<Record<string, unknown>>;
  /** The line at which the value of a path (`plugins.compute.from`) stands, or the nearest one above it that is there. */
  lineOf(path: string): number | undefined;
}

/** Reads a file of options. What is wrong with it becomes a problem, with line and column; then there is no answer. */
export async function readYaml(file: string, whenMissing: string, problems: ErrorDetail[]): Promise<YamlFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const message =
      code === 'ENOENT' ? `the file does not exist: ${whenMissing}` : `cannot be read (${code ?? messageOf(error)}): ${whenMissing}`;
    problems.push({ path: file, message });
    return undefined;
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0) {
    problems.push(...syntaxProblems(document, { file, text, lineCounter }));
    return undefined;
  }
  const fault = (message: string) => {
    problems.push({ path: file, message });
    return undefined;
  };
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    return fault(`is no valid YAML: ${messageOf(error)}`);
  }
  if (isCircular(tree)) return fault('an alias (`*name`) stands inside of its own anchor (`&name`): write the value out');
  const unconvertible = findUnconvertible(tree);
  if (unconvertible !== undefined) return fault(`${unconvertible} must be a number, not keys and values`);
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    return fault('must hold keys with values at its top (`host:`, `plugins:`, …)');
  }
  return { tree: tree as Record<string, unknown>, lineOf: (path) => lineOf(document, lineCounter, path) };
}

/** One mistake often makes many errors further down: those of its line are enough. */
function syntaxProblems(
  document: Document,
  { file, text, lineCounter }: { readonly file: string; readonly text: string; readonly lineCounter: LineCounter },
): ErrorDetail[] {
  const places = document.errors.map((error) => ({ error, ...lineCounter.linePos(error.pos[0]) }));
  const first = places[0]?.line ?? 1;
  return places
    .filter(({ line }) => line === first)
    .slice(0, 1)
    .map(({ error, line, col }) => {
      const unquoted = /[{,[]?[^"'#]*\$\{/.test(text.split('\n')[line - 1] ?? '');
      const hint = unquoted ? '; inside of { } and [ ] a value with ${…} must stand in quotes' : '';
      return { path: `${file}:${line}:${col}`, message: `is no valid YAML: ${error.message}${hint}` };
    });
}

function lineOf(document: Document, lineCounter: LineCounter, path: string): number | undefined {
  if (isAbsolute(path)) return undefined; // a problem of another file
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const token of path.match(/[\w-]+|"(?:[^"\\]|\\.)*"|\[\d+\]/g) ?? []) {
    const next = step(node, token);
    if (next === undefined) break;
    node = next.value;
    offset = next.offset ?? offset;
  }
  return offset === undefined ? undefined : lineCounter.linePos(offset).line;
}

function step(node: unknown, token: string): { readonly value: unknown; readonly offset: number | undefined } | undefined {
  if (isSeq(node) && token.startsWith('[')) {
    const item = node.items[Number(token.slice(1, -1))] as Node | undefined;
    return item && { value: item, offset: item.range?.[0] };
  }
  if (!isMap(node)) return undefined;
  const name = token.startsWith('"') ? (JSON.parse(token) as string) : token;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
  return pair && { value: pair.value, offset: (pair.key as Node).range?.[0] };
}
