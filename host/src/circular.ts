/** Whether a tree holds itself somewhere below, as an alias inside of its own anchor makes it in YAML. */
export function isCircular(value: unknown, above: ReadonlySet<unknown> = new Set()): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (above.has(value)) return true;
  const path = new Set(above).add(value);
  return Object.values(value).some((inner) => isCircular(inner, path));
}
