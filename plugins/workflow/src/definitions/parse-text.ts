import { createRequire } from 'node:module';
import { messageOf } from '@bellows/sdk';
import type { Document, YAMLError } from 'yaml';
import { sentence } from './shortened.js';

/** YAML takes about half a second and 100 MB per million characters to read; a pipeline that large is generated, and can be JSON. */
const MAX_YAML_CHARS = 2 * 1024 * 1024;
/** What the body of a call may have. */
const MAX_JSON_CHARS = 64 * 1024 * 1024;
/** Aliases that are written out; a bomb doubles them with every line. */
const MAX_ALIASES = 100;
/** The parser reads on after a fault, and faults follow from faults. */
const MAX_FAULTS = 20;

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface TextFault {
  readonly place: Place | null;
  readonly message: string;
}

export interface ParsedText {
  /** Plain JSON; of no use when there are faults. */
  readonly value: unknown;
  readonly faults: readonly TextFault[];
  /** Where something of the value is written; `path` as faults of a definition have it (`stages[3] (charge).input`). */
  placeOf(path: string): Place | null;
}

/** Reads a definition as text. Never throws: what is wrong with it is in `faults`. Time and memory are bounded. */
export function parseText(text: string, format: 'json' | 'yaml'): ParsedText {
  const most = format === 'json' ? MAX_JSON_CHARS : MAX_YAML_CHARS;
  if (text.length > most) {
    const hint = format === 'yaml' ? '; write one as large as JSON' : '';
    return failed({ place: null, message: `${text.length} characters are more than the ${most} that can be read as ${format}${hint}` });
  }
  return format === 'json' ? parseJson(text) : parseYaml(text);
}

/** JSON is YAML too, so the same parser finds places; only when they are asked for, because JSON.parse is far quicker. */
function parseJson(text: string): ParsedText {
  try {
    const value: unknown = JSON.parse(text);
    let positions: ((path: string) => Place | null) | undefined;
    return {
      value,
      faults: [],
      placeOf: (path) => {
        positions ??= text.length > MAX_YAML_CHARS ? () => null : parseYaml(text).placeOf;
        return positions(path);
      },
    };
  } catch (error) {
    const at = text.length > MAX_YAML_CHARS ? undefined : parseYaml(text).faults[0];
    return failed({ place: at?.place ?? null, message: sentence(messageOf(error)) });
  }
}

function parseYaml(text: string): ParsedText {
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    // no tags: a set, a date or bytes are nothing that JSON can hold; the parser would tell warnings to standard error
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      resolveKnownTags: false,
      logLevel: 'error',
      uniqueKeys: false,
    });
    const found: Pick<YAMLError, 'message' | 'pos'>[] = [...document.errors, ...document.warnings].slice(0, MAX_FAULTS);
    if (found.length === 0) found.push(...doubledKeys(document));
    const faults = found.map(({ message, pos }) => ({ place: placeAt(pos[0]), message: sentence(message) }));
    const value: unknown = faults.length > 0 ? undefined : document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null) return failed({ place: null, message: 'is empty, or holds comments only' });
    return { value, faults, placeOf: (path) => placeIn(document, path, placeAt) };
  } catch (error) {
    return failed({ place: null, message: sentence(messageOf(error)) });
  }
}

/** Of each map those keys that are there before. The parser's own search compares each key with each other one, and takes minutes for 100,000. */
function doubledKeys(document: Document.Parsed): Pick<YAMLError, 'message' | 'pos'>[] {
  const { isScalar, visit } = yaml();
  const found: Pick<YAMLError, 'message' | 'pos'>[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        // as JSON names them: 1 and "1" are the same
        const name = key.value === null ? '' : String(key.value);
        const at = key.range?.[0] ?? 0;
        if (seen.has(name)) found.push({ message: `the key "${name}" is in this map already`, pos: [at, at] });
        seen.add(name);
        if (found.length >= MAX_FAULTS) return visit.BREAK;
      }
      return undefined;
    },
  });
  return found;
}

type Yaml = typeof import('../yaml.js');

let loaded: Yaml | undefined;

/** Loaded by the first text: it takes longer than all of the plugin, and most starts read none. */
function yaml(): Yaml {
  loaded ??= createRequire(import.meta.url)('#yaml') as Yaml;
  return loaded;
}

function failed(fault: TextFault): ParsedText {
  return { value: undefined, faults: [fault], placeOf: () => null };
}

/** Of what is not there itself, the place of what it would be in. */
function placeIn(document: Document.Parsed, path: string, placeAt: (offset: number) => Place): Place | null {
  const keys = [...path.matchAll(/\[(\d+)\](?: \([\w-]+\))?|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? key! : Number(index),
  );
  for (let length = keys.length; length >= 0; length -= 1) {
    const node: unknown = document.getIn(keys.slice(0, length), true);
    const range: unknown = typeof node === 'object' && node !== null ? (node as { readonly range?: unknown }).range : undefined;
    if (Array.isArray(range)) return placeAt(Number(range[0]));
  }
  return null;
}
