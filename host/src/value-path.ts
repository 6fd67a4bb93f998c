/** A place in a tree as people write it: `plugins.compute.files[3]`. Keys that are no plain word are quoted. */
export function joinPath(base: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = String(key);
    const part = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
    return text === '' ? part : `${text}.${part}`;
  }, base);
}

/** Whether other values stand in it by key. What a schema makes otherwise (bytes, an address) is one value, and may hold itself. */
export function isTree(value: unknown): value is object {
  return Array.isArray(value) || (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype);
}
