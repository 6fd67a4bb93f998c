import type { OptionText, z } from '@bellows/sdk';
import { innerOf, partOf } from '../operations/schema-tree.js';
import { isTree } from '../value-path.js';

type Mark = NonNullable<OptionText['change']>;
type MarkKind = keyof Pick<OptionText, 'change' | 'secret'>;

/**
 * How a change of the option at `path` is taken over, by the marks of its schema: the innermost one on the way counts, so that a
 * map marked `live` holds for what stands in it. Where several forms are possible each must say `live`; `restart` where none says anything.
 */
export function changeMark(schema: z.core.$ZodType, path: readonly PropertyKey[]): Mark {
  const marks = marksAt(schema, path, 'change');
  return marks.length > 0 && marks.every((mark) => mark === 'live') ? 'live' : 'restart';
}

/**
 * Whether the value at `path` is marked `secret`, or holds something that is. Where several forms are possible one such mark is enough:
 * rather too much is hidden.
 */
export function holdsSecret(schema: z.core.$ZodType, path: readonly PropertyKey[], value: unknown): boolean {
  if (marksAt(schema, path, 'secret').includes(true)) return true;
  if (!isTree(value)) return false;
  return Object.entries(value).some(([key, inner]) => holdsSecret(schema, [...path, Array.isArray(value) ? Number(key) : key], inner));
}

/** One for each form that has something at `path`. */
function marksAt(schema: z.core.$ZodType, path: readonly PropertyKey[], kind: MarkKind, around?: unknown): readonly unknown[] {
  const mark = ownMark(schema, kind) ?? around;
  const inner = innerOf(schema);
  if (inner !== undefined) return inner.flatMap((one) => marksAt(one, path, kind, mark));
  const [step, ...rest] = path;
  const form = { def: (schema as z.core.$ZodTypes)._zod.def };
  if (step === undefined || !HAS_PARTS.has(form.def.type)) return [mark];
  return partOf(form, step).flatMap((part) => marksAt(part, rest, kind, mark));
}

/** Of the others the schema does not say what stands inside: their own mark holds for it. */
const HAS_PARTS: ReadonlySet<string> = new Set(['object', 'array', 'record', 'tuple']);

function ownMark(schema: z.core.$ZodType, kind: MarkKind): unknown {
  return (schema as Partial<z.ZodType>).meta?.()?.[kind];
}
