import { shortened } from '../shortened.js';
import { ByteReader, MalformedModule } from './byte-reader.js';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref' | 'exnref';
export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function. */
  readonly params?: readonly ValueType[];
  readonly results?: readonly ValueType[];
}

export interface Limits {
  readonly min: number;
  /** `undefined`: none declared. */
  readonly max: number | undefined;
}

/** One section as it lies in the file: `start` is its id byte, `bodyStart` the first byte of its content. */
export interface Section {
  readonly id: number;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

/** What must be known about a module before V8 sees it. */
export interface ModuleShape {
  /** Without the custom ones. */
  readonly sections: readonly Section[];
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  readonly memories: readonly Limits[];
  readonly tables: readonly Table[];
  /** Bytes of code of the longest function; 0 without functions. */
  readonly largestFunctionBytes: number;
}

export interface Table extends Limits {
  /** The byte that names its element type. */
  readonly elementType: number;
}

/** The module uses something outside of the allow-list. */
export class UnsupportedFeature extends Error {
  readonly feature: string;

  constructor(feature: string) {
    super(`the module uses ${feature}`);
    this.feature = feature;
  }
}

export const SECTION = Object.freeze({ custom: 0, type: 1, import: 2, function: 3, table: 4, memory: 5, export: 7, code: 10 });

/**
 * The most there may be of each. What a stranger sends is read in the host, where a few bytes of a module become a
 * hundred bytes of objects: these bounds keep the largest module within some tens of MB. Types, functions and parameters
 * are V8's own bounds (it refuses more anyway), the others leave room above the largest modules known.
 */
const MAX = Object.freeze({
  sections: 10_000,
  types: 1_000_000,
  parameters: 1_000,
  functions: 1_000_000,
  imports: 10_000,
  exports: 10_000,
  tables: 1_000,
  memories: 100,
});
/** Over all exports, letters of their names and types of their values: they are kept, listed and sent as JSON. */
const MAX_DESCRIPTION = 512 * 1024;

/**
 * Reads the outline of a module: never its code. Throws `MalformedModule` or `UnsupportedFeature`, nothing else, for
 * any bytes whatever. It does not validate: V8 does that afterwards, in an executor, on the bytes that were clamped.
 */
export function readModule(bytes: Uint8Array): ModuleShape {
  const outline = new Outline(bytes);
  const { sections, imports, memories, tables, largestFunctionBytes } = outline;
  return { sections, imports, memories, tables, largestFunctionBytes, exports: describeExports(outline) };
}

/** The sections as they stand, nothing resolved yet. */
class Outline {
  readonly bytes: Uint8Array;
  /** Without the custom ones. */
  readonly sections: Section[] = [];
  /** Where each type begins: most are never looked at. */
  types = new Uint32Array(0);
  /** The type of each function, imported ones first. */
  readonly functionTypes: number[] = [];
  imports: ModuleImport[] = [];
  exports: { readonly name: string; readonly kind: ExternKind; readonly index: number }[] = [];
  memories: Limits[] = [];
  tables: Table[] = [];
  largestFunctionBytes = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const reader = new ByteReader(bytes);
    readHeader(reader);
    const seen = new Set<number>();
    for (let count = 1; !reader.done; count += 1) {
      const start = reader.offset;
      if (count > MAX.sections) throw new MalformedModule(`there are more than ${MAX.sections} sections`, start);
      const id = reader.u8();
      const body = reader.sub(reader.u32());
      if (id === SECTION.custom) continue;
      if (seen.has(id)) throw new MalformedModule(`section ${id} is there twice`, start);
      seen.add(id);
      this.sections.push({ id, start, bodyStart: body.offset, end: body.end });
      if (this.#read(id, body)) body.expectEnd();
    }
  }

  /** `false` for a section whose content does not matter here. */
  #read(id: number, body: ByteReader): boolean {
    switch (id) {
      case SECTION.type:
        this.types = Uint32Array.from({ length: body.count('types', MAX.types) }, () => skipFunctionType(body));
        return true;
      case SECTION.import:
        this.imports = body.vector('imports', MAX.imports, () => readImport(body, this.functionTypes));
        return true;
      case SECTION.function:
        for (let left = body.count('functions', MAX.functions); left > 0; left -= 1) this.functionTypes.push(body.u32());
        return true;
      case SECTION.table:
        this.tables = body.vector('tables', MAX.tables, () => readTable(body));
        return true;
      case SECTION.memory:
        this.memories = body.vector('memories', MAX.memories, () => readMemory(body));
        return true;
      case SECTION.export:
        this.exports = body.vector('exports', MAX.exports, () => ({ name: body.name(), kind: readKind(body), index: body.u32() }));
        return true;
      case SECTION.code:
        this.largestFunctionBytes = longestOf(body);
        return true;
      default:
        return false;
    }
  }
}

function longestOf(code: ByteReader): number {
  let longest = 0;
  for (let left = code.count('functions', MAX.functions); left > 0; left -= 1) {
    const length = code.u32();
    code.skip(length);
    longest = Math.max(longest, length);
  }
  return longest;
}

function describeExports({ bytes, types, functionTypes, exports }: Outline): ModuleExport[] {
  let described = 0;
  const known = new Map<number, FunctionType>();
  const typeOf = (index: number): FunctionType | undefined => {
    const start = types[index];
    if (start === undefined) return undefined;
    const type = known.get(index) ?? readFunctionType(new ByteReader(bytes, start));
    known.set(index, type);
    return type;
  };
  return exports.map(({ name, kind, index }) => {
    const type = kind === 'function' ? typeOf(functionTypes[index] ?? -1) : undefined;
    if (kind === 'function' && type === undefined) {
      throw new MalformedModule(`the export "${shortened(name)}" names a function that is not there`, 0);
    }
    described += name.length + (type === undefined ? 0 : type.params.length + type.results.length);
    if (described > MAX_DESCRIPTION) {
      throw new MalformedModule(`names and types of the exports have more than ${MAX_DESCRIPTION} characters and values`, 0);
    }
    return type === undefined ? { name, kind } : { name, kind, params: type.params, results: type.results };
  });
}

function readHeader(reader: ByteReader): void {
  const magic = reader.take(4);
  if (magic[0] !== 0 || magic[1] !== 0x61 || magic[2] !== 0x73 || magic[3] !== 0x6d) {
    throw new MalformedModule('the bytes do not begin with "\\0asm"', 0);
  }
  const version = reader.take(4);
  if (version[2] === 1) throw new UnsupportedFeature('the component model');
  if (version[0] !== 1 || version[1] !== 0 || version[2] !== 0 || version[3] !== 0) {
    throw new MalformedModule('the version of the binary format is not 1', 4);
  }
}

const VALUE_TYPES: Readonly<Record<number, ValueType>> = Object.freeze({
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
  112: 'funcref',
  111: 'externref',
  105: 'exnref',
});

function readValueType(reader: ByteReader): ValueType {
  const offset = reader.offset;
  const byte = reader.u8();
  const type = VALUE_TYPES[byte];
  if (type !== undefined) return type;
  // 0x63 and 0x64 are typed references, 0x6a to 0x74 their short forms.
  if (byte >= 0x63 && byte <= 0x74) throw new UnsupportedFeature('typed references');
  throw new MalformedModule('an unknown value type', offset);
}

/** Reads over a type and answers where it began. */
function skipFunctionType(reader: ByteReader): number {
  const start = reader.offset;
  readForm(reader);
  for (const what of ['parameters', 'results']) {
    for (let left = reader.count(what, MAX.parameters); left > 0; left -= 1) readValueType(reader);
  }
  return start;
}

function readFunctionType(reader: ByteReader): FunctionType {
  readForm(reader);
  return {
    params: reader.vector('parameters', MAX.parameters, () => readValueType(reader)),
    results: reader.vector('results', MAX.parameters, () => readValueType(reader)),
  };
}

function readForm(reader: ByteReader): void {
  const offset = reader.offset;
  const form = reader.u8();
  // Garbage-collected types stay refused: a loop that allocates ends in a fatal heap error before a thread can be ended.
  if (form === 0x4e || form === 0x4f || form === 0x50 || form === 0x5e || form === 0x5f) {
    throw new UnsupportedFeature('garbage-collected types');
  }
  if (form !== 0x60) throw new MalformedModule('an unknown form of type', offset);
}

const KINDS: readonly ExternKind[] = ['function', 'table', 'memory', 'global', 'tag'];

function readKind(reader: ByteReader): ExternKind {
  const offset = reader.offset;
  const kind = KINDS[reader.u8()];
  if (kind === undefined) throw new MalformedModule('an unknown kind of import or export', offset);
  return kind;
}

function readImport(reader: ByteReader, functionTypes: number[]): ModuleImport {
  const module = reader.name();
  const name = reader.name();
  const kind = readKind(reader);
  if (kind === 'function') functionTypes.push(reader.u32());
  else if (kind === 'table') readTable(reader);
  else if (kind === 'memory') readMemory(reader);
  else {
    // a global: its type and whether it is mutable; a tag: an attribute and a type
    if (kind === 'global') readValueType(reader);
    else reader.u8();
    reader.u32();
  }
  return { module, name, kind };
}

const HAS_MAX = 1;
const SHARED = 2;
const INDEX_64 = 4;

function readTable(reader: ByteReader): Table {
  const offset = reader.offset;
  const elementType = reader.u8();
  if (elementType === 0x40 || (elementType >= 0x63 && elementType <= 0x74 && elementType !== 0x6f && elementType !== 0x70)) {
    throw new UnsupportedFeature('typed references');
  }
  if (elementType !== 0x70 && elementType !== 0x6f) throw new MalformedModule('an unknown type of table', offset);
  return { elementType, ...readLimits(reader, 'table64') };
}

function readMemory(reader: ByteReader): Limits {
  return readLimits(reader, 'memory64');
}

function readLimits(reader: ByteReader, wide: string): Limits {
  const offset = reader.offset;
  const flags = reader.u8();
  if ((flags & INDEX_64) !== 0) throw new UnsupportedFeature(wide);
  if ((flags & SHARED) !== 0) throw new UnsupportedFeature('shared memory');
  if ((flags & ~HAS_MAX) !== 0) throw new MalformedModule('unknown flags of a memory or table', offset);
  const min = reader.u32();
  const max = (flags & HAS_MAX) === 0 ? undefined : reader.u32();
  if (max !== undefined && max < min) throw new MalformedModule('a maximum is smaller than its minimum', offset);
  return { min, max };
}
