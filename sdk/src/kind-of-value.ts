/** What was given in place of something else, for a message: `undefined`, `a string`, `an object of type Map`. Never what is in it. */
export function kindOfValue(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const type = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return type === 'Object' ? 'an object' : `an object of type ${type}`;
}
