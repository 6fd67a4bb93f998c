import { type Limits, type ModuleShape, readModule, SECTION, type Section } from './read-module.js';

export interface ModuleLimits {
  /** Pages of 64 KiB, over all memories of the module. */
  readonly maxPages: number;
  /** Over all tables of the module. */
  readonly maxTableElements: number;
}

/** The module demands more than it is allowed before it has run at all. */
export class LimitsTooSmall extends Error {
  readonly resource: 'memory' | 'table';
  readonly declared: number;
  readonly allowed: number;

  constructor(resource: 'memory' | 'table', declared: number, allowed: number) {
    super(`the module declares ${declared} ${UNITS[resource]} of ${resource}, ${allowed} are allowed`);
    this.resource = resource;
    this.declared = declared;
    this.allowed = allowed;
  }
}

const UNITS = Object.freeze({ memory: 'pages', table: 'elements' });

/**
 * The same module with the maxima of its memories and tables lowered to the limits, so that V8 itself answers -1 to a
 * `memory.grow` or `table.grow` beyond them. Only the two sections are rewritten, every other byte is copied.
 * Throws `LimitsTooSmall` where a declared minimum is above, and whatever `readModule` throws.
 */
export function clampModuleLimits(bytes: Uint8Array, limits: ModuleLimits, shape: ModuleShape = readModule(bytes)): Uint8Array {
  const memories = clampAll('memory', shape.memories, limits.maxPages);
  const tables = clampAll('table', shape.tables, limits.maxTableElements);
  const parts: Uint8Array[] = [];
  let copied = 0;
  const replace = (section: Section, content: number[]) => {
    parts.push(bytes.subarray(copied, section.start), Uint8Array.from([section.id, ...leb(content.length), ...content]));
    copied = section.end;
  };
  for (const section of shape.sections) {
    if (section.id === SECTION.memory) replace(section, encodeVector(memories));
    if (section.id === SECTION.table) {
      replace(
        section,
        encodeVector(
          tables,
          shape.tables.map((table) => table.elementType),
        ),
      );
    }
  }
  parts.push(bytes.subarray(copied));
  return concat(parts);
}

/** What may still grow goes to the first memory (or table) that wants it, so that all together stay within the limit. */
function clampAll(resource: 'memory' | 'table', declared: readonly Limits[], allowed: number): Required<Limits>[] {
  const total = declared.reduce((sum, { min }) => sum + min, 0);
  if (total > allowed) throw new LimitsTooSmall(resource, total, allowed);
  let spare = allowed - total;
  return declared.map(({ min, max }) => {
    const clamped = Math.min(max ?? Number.POSITIVE_INFINITY, min + spare);
    spare -= clamped - min;
    return { min, max: clamped };
  });
}

function encodeVector(all: readonly Required<Limits>[], prefixes: readonly number[] = []): number[] {
  const content = leb(all.length);
  all.forEach(({ min, max }, index) => {
    const prefix = prefixes[index];
    if (prefix !== undefined) content.push(prefix);
    content.push(1, ...leb(min), ...leb(max ?? min));
  });
  return content;
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
