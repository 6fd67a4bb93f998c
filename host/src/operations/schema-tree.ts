import type { z } from '@bellows/sdk';

/** A schema without what is wrapped around it. Read by its definition and not by its class: a plugin may have a zod of its own. */
export type SchemaForm = { readonly def: z.core.$ZodTypes['_zod']['def'] };

/** All forms the values of a schema may have: its own, those inside its wrappers, those of each branch. */
export function formsOf(schema: z.core.$ZodType): SchemaForm[] {
  const inner = innerOf(schema);
  return inner === undefined ? [{ def: definitionOf(schema) }] : inner.flatMap(formsOf);
}

/** One layer inside a wrapper (a default, a union, …); undefined for a schema that is none. */
export function innerOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] | undefined {
  const def = definitionOf(schema);
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return [def.innerType];
    case 'pipe':
      return [def.in];
    case 'lazy':
      return [def.getter()];
    case 'union':
      return def.options;
    case 'intersection':
      return [def.left, def.right];
    default:
      return undefined;
  }
}

/** The schemas of what stands under a key of an object or map, or at a place of a list; none where nothing can. */
export function partOf({ def }: SchemaForm, step: PropertyKey): z.core.$ZodType[] {
  if (def.type === 'object') {
    const part = Object.hasOwn(def.shape, step) ? def.shape[String(step)] : undefined;
    return part ? [part] : [];
  }
  if (def.type === 'array') return [def.element];
  if (def.type === 'record') return [def.valueType];
  if (def.type === 'tuple') return [def.items[Number(step)] ?? def.rest].filter((item) => item !== null && item !== undefined);
  return [];
}

function definitionOf(schema: z.core.$ZodType): SchemaForm['def'] {
  return (schema as z.core.$ZodTypes)._zod.def;
}
