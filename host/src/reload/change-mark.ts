import type { OptionText, z } from '@bellows/sdk';
import { innerOf, partOf } from '../operations/schema-tree.js';

type Mark = NonNullable<OptionText['change']>;

/**
 * How a change of the option at `path` is taken over, by the marks of its schema: the innermost one on the way counts, so that a
 * map marked `live` holds for what stands in it. Where several forms are possible each must say `live`; `restart` where none says anything.
 */
export function changeMark(schema: z.core.$ZodType, path: readonly PropertyKey[]): Mark {
  const marks = marksAt(schema, path, undefined);
  return marks.length > 0 && marks.every((mark) => mark === 'live') ? 'live' : 'restart';
}

/** One for each form that has something at `path`. */
function marksAt(schema: z.core.$ZodType, path: readonly PropertyKey[], around: Mark | undefined): readonly (Mark | undefined)[] {
  const mark = ownMark(schema) ?? around;
  const inner = innerOf(schema);
  if (inner !== undefined) return inner.flatMap((one) => marksAt(one, path, mark));
  const [step, ...rest] = path;
  const form = { def: (schema as z.core.$ZodTypes)._zod.def };
  if (step === undefined || !HAS_PARTS.has(form.def.type)) return [mark];
  return partOf(form, step).flatMap((part) => marksAt(part, rest, mark));
}

/** Of the others the schema does not say what stands inside: their own mark holds for it. */
const HAS_PARTS: ReadonlySet<string> = new Set(['object', 'array', 'record', 'tuple']);

function ownMark(schema: z.core.$ZodType): Mark | undefined {
  return (schema as Partial<z.ZodType>).meta?.()?.change as Mark | undefined;
}
