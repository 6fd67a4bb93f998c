import { isAbsolute } from 'node:path';
import { type ErrorDetail, findUnconvertible } from '@bellows/sdk';
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { isCircular } from './circular.js';
import { readTextFile } from './text-file.js';
import { depthFault, firstAlias, treeFault } from './yaml-faults.js';

export interface YamlFile {
  /** Keys and values; never a list or a single value. */
  readonly tree: Readonly<Record<string, unknown>>;
  /** The line at which the value of a path (`plugins.compute.from`) stands, or the nearest one above it that is there. */
  lineOf(path: string): number | undefined;
}

/** Far above what a person writes, far below what would keep a running host from its work while it reads. */
const MAX_BYTES = 1_048_576;

interface YamlReading {
  /** What to do when it is not there. */
  readonly whenMissing: string;
  /** Added to. */
  readonly problems: ErrorDetail[];
  /** As {@link readTextFile} takes it. */
  readonly mayBePipe?: boolean;
}

/** Reads a file of options. What is wrong with it becomes a problem, with line and column; then there is no answer. Never rejects. */
export async function readYaml(file: string, { whenMissing, problems, mayBePipe = false }: YamlReading): Promise<YamlFile | undefined> {
  const read = await readTextFile(file, { maxBytes: MAX_BYTES, mayBePipe });
  if ('text' in read) return parseYaml(read.text, file, problems);
  const message = read.fault.startsWith('does not exist') ? `the file does not exist: ${whenMissing}` : read.fault;
  problems.push({ path: file, message });
  return undefined;
}

function parseYaml(text: string, file: string, problems: ErrorDetail[]): YamlFile | undefined {
  const lineCounter = new LineCounter();
  const fault = (message: string, offset?: number) => {
    const at = offset === undefined ? undefined : lineCounter.linePos(offset);
    problems.push({ path: at === undefined ? file : `${file}:${at.line}:${at.col}`, message });
    return undefined;
  };
  const deep = depthFault(text);
  if (deep !== undefined) {
    const before = text.slice(0, deep.offset).split('\n');
    problems.push({ path: `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`, message: deep.message });
    return undefined;
  }
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  if (document.errors.length > 0) {
    problems.push(...syntaxProblems(document, { file, text, lineCounter }));
    return undefined;
  }
  const found = treeFault(document);
  if (found !== undefined) return fault(found.message, found.offset);
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
  } catch {
    return fault(`anchors are used more than ${MAX_ALIASES} times in all: write the values out`, firstAlias(document));
  }
  if (isCircular(tree)) {
    return fault('an alias (`*name`) stands inside of its own anchor (`&name`): write the value out', firstAlias(document));
  }
  const unconvertible = findUnconvertible(tree);
  if (unconvertible !== undefined) return fault(`${unconvertible} must be a number, not keys and values`);
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    return fault('must hold keys with values at its top (`host:`, `plugins:`, …)');
  }
  return { tree: tree as Record<string, unknown>, lineOf: lineFinder(document, lineCounter) };
}

/** What aliases make of a small text is bounded by this. */
const MAX_ALIASES = 100;

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
      return { path: `${file}:${line}:${col}`, message: `is no valid YAML: ${WORDS[error.code] ?? error.message}${hint}` };
    });
}

/** Where the parser speaks to programmers. */
const WORDS: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'a second document begins here (`---`): keep one to a file',
  RESOURCE_EXHAUSTION: 'it is nested too deep',
};

function lineFinder(document: Document, lineCounter: LineCounter): YamlFile['lineOf'] {
  const found = new Map<unknown, Pairs>();
  // each map is looked through once: thousands of plugins may each have a fault
  const pairsOf = (map: YAMLMap): Pairs => {
    const known = found.get(map) ?? new Map(map.items.map((pair) => [isScalar(pair.key) ? String(pair.key.value) : undefined, pair]));
    found.set(map, known);
    return known;
  };
  return (path) => {
    if (isAbsolute(path)) return undefined; // a problem of another file
    let node: unknown = document.contents;
    let offset: number | undefined;
    for (const token of path.match(/[\w-]+|"(?:[^"\\]|\\.)*"|\[\d+\]/g) ?? []) {
      const next = step(node, token, pairsOf);
      if (next === undefined) break;
      node = next.value;
      offset = next.offset ?? offset;
    }
    return offset === undefined ? undefined : lineCounter.linePos(offset).line;
  };
}

type Pairs = ReadonlyMap<string | undefined, Pair>;

function step(
  node: unknown,
  token: string,
  pairsOf: (map: YAMLMap) => Pairs,
): { readonly value: unknown; readonly offset: number | undefined } | undefined {
  if (isSeq(node) && token.startsWith('[')) {
    const item = node.items[Number(token.slice(1, -1))] as Node | undefined;
    return item && { value: item, offset: item.range?.[0] };
  }
  if (!isMap(node)) return undefined;
  const pair = pairsOf(node).get(nameOf(token));
  return pair && { value: pair.value, offset: (pair.key as Node).range?.[0] };
}

/** A plugin that checks its options writes paths itself, so what stands in quotes may be anything. */
function nameOf(token: string): string {
  try {
    return token.startsWith('"') ? String(JSON.parse(token)) : token;
  } catch {
    return token;
  }
}
