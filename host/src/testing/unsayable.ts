import { messageOf, z } from '@bellows/sdk';

/** Where an answer of this schema holds what JSON cannot: `at (date)`. Schemas made of transforms and custom checks say nothing of it. */
export function unsayableTypes(schema: z.ZodType): readonly string[] {
  const found = new Set<string>();
  z.toJSONSchema(schema, {
    io: 'output',
    unrepresentable: 'any',
    cycles: 'ref',
    override({ zodSchema, path }) {
      const { type } = zodSchema._zod.def;
      if (!UNSAYABLE.has(type)) return;
      const place = path.filter((_, index) => path[index - 1] === 'properties').join('.');
      found.add(place === '' ? type : `${place} (${type})`);
    },
  });
  return [...found].sort();
}

/** What an event holds that neither a bridge to another thread nor a stream of events carries; undefined for plain data. */
export function unsayableIn(payload: unknown): string | undefined {
  try {
    structuredClone(payload);
    JSON.stringify(payload);
    return undefined;
  } catch (error) {
    return `what cannot be sent (${messageOf(error)})`;
  }
}

const UNSAYABLE: ReadonlySet<string> = new Set(['bigint', 'date', 'function', 'map', 'promise', 'set', 'symbol']);
