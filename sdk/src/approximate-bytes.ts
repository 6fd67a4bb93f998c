/**
 * About how many bytes a value takes when it is cloned: a bound for batches, not a measurement. Looks no further once it has found
 * `enough`, so a huge value costs no more than a large one. Throws what a getter of the value throws.
 */
export function approximateBytes(value: unknown, enough: number): number {
  let bytes = 0;
  const seen = new Set<object>();
  const rest = [value];
  while (rest.length > 0 && bytes < enough) {
    const next = rest.pop();
    if (typeof next === 'string') bytes += STRING_BYTES + next.length;
    else if (typeof next !== 'object' || next === null) bytes += NUMBER_BYTES;
    else if (ArrayBuffer.isView(next) || next instanceof ArrayBuffer) bytes += next.byteLength;
    else if (!seen.has(next)) {
      seen.add(next);
      bytes += pushParts(next, rest, enough / NUMBER_BYTES);
    }
  }
  return bytes;
}

const STRING_BYTES = 8;
const NUMBER_BYTES = 8;

/** Adds up to `limit` of the parts of the object to `into` and answers what their names take. */
function pushParts(value: object, into: unknown[], limit: number): number {
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
    let count = 0;
    for (const part of value) {
      if ((count += 1) > limit) break;
      into.push(part);
    }
    return 0;
  }
  let bytes = 0;
  for (const name of Object.keys(value).slice(0, limit)) {
    bytes += STRING_BYTES + name.length;
    into.push((value as Readonly<Record<string, unknown>>)[name]);
  }
  return bytes;
}
