import { type Alias, type Document, isAlias, isCollection, isNode, isScalar, Lexer, type Node, type Pair, visit } from 'yaml';

/** Something YAML allows and a configuration cannot be, or the reader would take too long for, with its place in the text. */
export interface YamlFault {
  readonly offset: number;
  readonly message: string;
}

/** A configuration is about six levels deep; the parser is slow and runs out of stack with thousands. */
const MAX_DEPTH = 100;

/** Looked for before anything is parsed. Reads the text once. */
export function depthFault(text: string): YamlFault | undefined {
  let offset = 0;
  let depth = 0;
  let inLine = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') depth += 1;
    else if (lexeme === ']' || lexeme === '}') depth = Math.max(0, depth - 1);
    else if (lexeme === '-' || lexeme === '?') inLine += 1;
    else if (lexeme.includes('\n')) inLine = 0;
    if (depth > MAX_DEPTH || inLine > MAX_DEPTH) return { offset, message: `is nested more than ${MAX_DEPTH} levels deep` };
    if (!CONTROL.has(lexeme)) offset += lexeme.length;
  }
  return undefined;
}

/** Marks of the lexer that stand for nothing in the text: of a document, of an end of flow, of a plain scalar. */
const CONTROL: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001F']);

/** The first thing in a parsed document that no configuration can hold. Linear: the parser's own search for repeated keys is not. */
export function treeFault(document: Document): YamlFault | undefined {
  let fault: YamlFault | undefined;
  const anchors = new Set<string>();
  const stop = (found: YamlFault | undefined) => {
    fault = found;
    return found === undefined ? undefined : visit.BREAK;
  };
  visit(document, {
    Node: (_key, node) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.add(node.anchor);
        return stop(tagFault(node));
      }
      return stop(anchors.has(node.source) ? undefined : unknownAnchor(node));
    },
    Map: (_key, node) => {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      return stop(tagFault(node) ?? keyFault(node.items));
    },
  });
  return fault;
}

/** Where the first `*name` stands, which is where to look when there are too many or one is endless. */
export function firstAlias(document: Document): number {
  let offset = 0;
  visit(document, {
    Alias: (_key, node) => {
      offset = offsetOf(node);
      return visit.BREAK;
    },
  });
  return offset;
}

function keyFault(items: readonly Pair[]): YamlFault | undefined {
  const seen = new Set<string>();
  for (const { key } of items) {
    if (!isScalar(key) || key.value === null) {
      return { offset: isNode(key) ? offsetOf(key) : 0, message: 'a key is a single word or text, not a list, a mapping or an alias' };
    }
    const name = String(key.value);
    // schemas pass over it without a word
    if (name === '__proto__') return { offset: offsetOf(key), message: 'the key "__proto__" can name nothing: choose another' };
    if (seen.has(name)) return { offset: offsetOf(key), message: `the key ${JSON.stringify(name)} stands here a second time: keep one` };
    seen.add(name);
  }
  return undefined;
}

function tagFault(node: Node): YamlFault | undefined {
  const tag = isScalar(node) || isCollection(node) ? node.tag : undefined;
  if (tag === undefined || PLAIN_TAGS.has(tag)) return undefined;
  return { offset: offsetOf(node), message: `the tag ${tag} means nothing here: write the value without it` };
}

const PLAIN_TAGS: ReadonlySet<string> = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
);

function unknownAnchor(alias: Alias): YamlFault {
  return { offset: offsetOf(alias), message: `no anchor &${alias.source} stands before *${alias.source}` };
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
