import { readFile } from 'node:fs/promises';
import { clampModuleLimits } from '../modules/clamp-module-limits.js';
import type { ModuleRef } from './protocol.js';

/**
 * Compiled modules by what they were clamped to, the least recently used given up first. Two calls that need a module
 * at once wait for one compilation; a failed one is not kept.
 */
export class ModuleCache {
  readonly #entries = new Map<string, Promise<WebAssembly.Module>>();
  readonly #onEvicted: (key: string) => void;
  #capacity = 1;

  constructor(onEvicted: (key: string) => void) {
    this.#onEvicted = onEvicted;
  }

  set capacity(capacity: number) {
    this.#capacity = capacity;
    this.#evict();
  }

  /** Rejects with the error of reading the file or of the compiler. */
  load(module: ModuleRef): Promise<WebAssembly.Module> {
    const key = keyOf(module);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = compile(module);
      entry.catch(() => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      });
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#evict();
    return entry;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  #evict(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) return;
      this.#entries.delete(key);
      this.#onEvicted(key);
    }
  }
}

export function keyOf(module: ModuleRef): string {
  return `${module.hash}:${module.maxPages}:${module.maxTableElements}`;
}

export async function compile(module: ModuleRef): Promise<WebAssembly.Module> {
  return WebAssembly.compile(clampModuleLimits(await readFile(module.file), module));
}
