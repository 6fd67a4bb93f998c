import { GuestWasi } from './guest-wasi.js';
import type { PoolOutcome } from './protocol.js';

export interface PooledInstance {
  readonly instance: WebAssembly.Instance;
  /** Only where the module imports something: it costs more than a small instance does. */
  readonly wasi: GuestWasi | undefined;
}

/** Making instances ahead of time holds the thread, and a call may come meanwhile. */
const REFILL_SLICE_MS = 1;

/**
 * Instances of the modules loaded in this thread, made ahead of time. Each one serves one call and is then dropped:
 * no call ever meets memory, globals or tables that another call has touched.
 */
export class InstancePool {
  readonly #modules = new Map<string, { readonly module: WebAssembly.Module; readonly ready: PooledInstance[]; filled: boolean }>();

  load(key: string, module: WebAssembly.Module): void {
    if (!this.#modules.has(key)) this.#modules.set(key, { module, ready: [], filled: false });
  }

  drop(key: string): void {
    this.#modules.delete(key);
  }

  warm(key: string): number {
    return this.#modules.get(key)?.ready.length ?? 0;
  }

  /** An instance nobody used. Throws what instantiating throws: the start function of a module is guest code. */
  take(key: string): { readonly pooled: PooledInstance; readonly outcome: PoolOutcome } {
    const entry = this.#entry(key);
    const ready = entry.ready.pop();
    if (ready !== undefined) return { pooled: ready, outcome: 'warm' };
    const outcome = entry.filled ? 'overflow' : 'cold';
    return { pooled: instantiate(entry.module), outcome };
  }

  /** Adds instances until there are `size`, at least one and for about a millisecond. Throws like {@link take}. */
  refill(key: string, size: number): void {
    const entry = this.#entry(key);
    const endAt = performance.now() + REFILL_SLICE_MS;
    do {
      entry.ready.push(instantiate(entry.module));
      entry.filled = true;
    } while (entry.ready.length < size && performance.now() < endAt);
  }

  #entry(key: string) {
    const entry = this.#modules.get(key);
    if (entry === undefined) throw new Error(`module ${key} was not sent to this thread`);
    return entry;
  }
}

function instantiate(module: WebAssembly.Module): PooledInstance {
  if (WebAssembly.Module.imports(module).length === 0) return { instance: new WebAssembly.Instance(module), wasi: undefined };
  const wasi = new GuestWasi();
  return { instance: new WebAssembly.Instance(module, wasi.imports), wasi };
}
