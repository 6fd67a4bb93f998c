import { MemoryStore } from '../src/memory-store.js';

/** A store whose calls can be held back and made to fail. */
export class GatedStore extends MemoryStore {
  reads = 0;
  #gate: Promise<void> = Promise.resolve();
  #only: string | undefined;
  #open: () => void = () => undefined;
  #failure: Error | undefined;

  /** Calls made from now on wait for `letGo`; with `only`, those of that path. */
  hold(only?: string): void {
    this.#only = only;
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  letGo(): void {
    this.#open();
    this.#only = undefined;
  }

  /** The next call that is let through rejects. */
  failNext(error: Error): void {
    this.#failure = error;
  }

  override async write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#pass(path);
    return super.write(path, data, signal);
  }

  override async read(path: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    this.reads += 1;
    // what was there when the call was made, handed out late: the slow disk of a race
    const value = await super.read(path, signal);
    await this.#pass(path);
    return value;
  }

  override async delete(path: string, signal?: AbortSignal): Promise<void> {
    await this.#pass(path);
    return super.delete(path, signal);
  }

  async #pass(path: string): Promise<void> {
    if (this.#only === undefined || this.#only === path) await this.#gate;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }
}
