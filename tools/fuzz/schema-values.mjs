import fc from 'fast-check';

/** Values that fit a JSON Schema of zod's, as far as it can be made quickly: patterns and the like only by chance. */
export function fitting(schema, depth = 0) {
  if (typeof schema !== 'object' || schema === null || depth > 6) return fc.constant(null);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) return fc.oneof(...branches.map((branch) => fitting(branch, depth + 1)));
  switch (schema.type) {
    case 'string':
      return fc.oneof(fc.constantFrom('sample', 'order', 'AGFzbQEAAAA=', '1'), fc.string({ maxLength: 20 }));
    case 'integer':
    case 'number':
      return fc.integer({ min: Math.max(schema.minimum ?? -5, -5), max: Math.min(schema.maximum ?? 1_000, 1_000) });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(fitting(schema.items, depth + 1), { maxLength: 3 });
    case 'object': {
      const properties = Object.entries(schema.properties ?? {}).map(([key, property]) => [key, fitting(property, depth + 1)]);
      return fc.record(Object.fromEntries(properties), {
        requiredKeys: (schema.required ?? []).filter((key) => key in (schema.properties ?? {})),
      });
    }
    default:
      return fc.constantFrom(null, 1, 'text', {}, []);
  }
}
