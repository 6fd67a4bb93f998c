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

export const SECTION = Object.freeze({ type: 1, import: 2, function: 3, table: 4, memory: 5, export: 7, code: 10 });

/**
 * Reads the outline of a module: never its code. Throws `MalformedModule` or `UnsupportedFeature`, nothing else, for
 * any bytes whatever. It does not validate: V8 does that afterwards, in an executor, on the bytes that were clamped.
 */
export function readModule(bytes: Uint8Array): ModuleShape {
  const reader = new ByteReader(bytes);
  readHeader(reader);
  const sections: Section[] = [];
  const types: FunctionType[] = [];
  const imports: ModuleImport[] = [];
  const functionTypes: number[] = [];
  const memories: Limits[] = [];
  const tables: Table[] = [];
  let largestFunctionBytes = 0;
  const rawExports: { name: string; kind: ExternKind; index: number }[] = [];
  while (!reader.done) {
    const start = reader.offset;
    const id = reader.u8();
    const body = reader.sub(reader.u32());
    const section = { id, start, bodyStart: body.offset, end: body.end };
    if (id !== 0 && sections.some((other) => other.id === id)) throw new MalformedModule(`section ${id} is there twice`, start);
    sections.push(section);
    if (id === SECTION.type)
      append(
        types,
        body.vector(() => readFunctionType(body)),
      );
    else if (id === SECTION.import)
      append(
        imports,
        body.vector(() => readImport(body, functionTypes)),
      );
    else if (id === SECTION.function)
      append(
        functionTypes,
        body.vector(() => body.u32()),
      );
    else if (id === SECTION.table)
      append(
        tables,
        body.vector(() => readTable(body)),
      );
    else if (id === SECTION.memory)
      append(
        memories,
        body.vector(() => readMemory(body)),
      );
    else if (id === SECTION.export)
      append(
        rawExports,
        body.vector(() => ({ name: body.name(), kind: readKind(body), index: body.u32() })),
      );
    else if (id === SECTION.code) largestFunctionBytes = body.vector(() => body.take(body.u32()).length).reduce(larger, 0);
    else continue;
    body.expectEnd();
  }
  const exports = rawExports.map(({ name, kind, index }) => {
    if (kind !== 'function') return { name, kind };
    const type = types[functionTypes[index] ?? -1];
    if (type === undefined) throw new MalformedModule(`the export "${name}" names a function that is not there`, 0);
    return { name, kind, params: type.params, results: type.results };
  });
  return { sections, imports, exports, memories, tables, largestFunctionBytes };
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

function readFunctionType(reader: ByteReader): FunctionType {
  const offset = reader.offset;
  const form = reader.u8();
  // Garbage-collected types stay refused: a loop that allocates ends in a fatal heap error before a thread can be ended.
  if (form === 0x4e || form === 0x4f || form === 0x50 || form === 0x5e || form === 0x5f) {
    throw new UnsupportedFeature('garbage-collected types');
  }
  if (form !== 0x60) throw new MalformedModule('an unknown form of type', offset);
  return { params: reader.vector(() => readValueType(reader)), results: reader.vector(() => readValueType(reader)) };
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

/** `target.push(...items)` overflows the stack from about 100,000 items on. */
function append<T>(target: T[], items: readonly T[]): void {
  for (const item of items) target.push(item);
}

function larger(a: number, b: number): number {
  return Math.max(a, b);
}
