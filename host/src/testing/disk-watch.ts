import { createHook } from 'node:async_hooks';

/**
 * Whether a file is being read, written or looked at, of what was begun since it was made. Asked of the hooks and not of
 * `process.getActiveResourcesInfo()`, which in Node.js 26 does not name these.
 */
export class DiskWatch implements Disposable {
  readonly #underWay = new Set<number>();
  readonly #hook = createHook({
    init: (id, type) => {
      if (type.startsWith('FSREQ')) this.#underWay.add(id);
    },
    destroy: (id) => void this.#underWay.delete(id),
    trackPromises: false,
  });

  constructor() {
    this.#hook.enable();
  }

  /** Up to a turn of the event loop longer than it is so. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  [Symbol.dispose](): void {
    this.#hook.disable();
  }
}
