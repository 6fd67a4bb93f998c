/**
 * Where in plain data a length or size stands that is compared before anybody looks at its type: an object that JavaScript cannot convert,
 * such as `{ "length": { "toString": 0 } }`. zod throws a TypeError there instead of refusing the value. Undefined: nowhere. Never throws
 * for data as JSON or YAML have it; circles are followed once.
 */
export function findUnconvertible(root: unknown): string | undefined {
  const seen = new Set<object>();
  const pending: [value: unknown, path: string][] = [[root, '']];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, path] = next;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== 'object' || inner === null) continue;
      const at = path === '' ? key : `${path}.${key}`;
      if ((key === 'length' || key === 'size') && !isConvertible(inner)) return at;
      pending.push([inner, at]);
    }
  }
  return undefined;
}

function isConvertible(value: object): boolean {
  try {
    Number(value);
    return true;
  } catch {
    return false;
  }
}
