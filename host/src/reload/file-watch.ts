import { type FSWatcher, watch } from 'node:fs';
import path from 'node:path';
import { type CancelTimer, type IClock, type ILogger, messageOf } from '@bellows/sdk';

/** Editors write a file in several steps, and tools several files: what comes within this time is one change. */
const QUIET_MS = 200;

interface FileWatchOptions {
  readonly clock: IClock;
  readonly logger: ILogger;
  /** Something was written, and nothing more for a moment. */
  readonly onChange: () => void;
}

/**
 * Tells when one of some files was written, made anew or replaced. It is their folders that are watched: many editors put a new file in
 * the place of the old one, and a watch of the file itself would go on with the old one.
 */
export class FileWatch implements Disposable {
  readonly #options: FileWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #names: ReadonlySet<string> = new Set();
  #cancel: CancelTimer | undefined;

  constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  /** From now on these (absolute) and no others. A folder that cannot be watched is told in the log. */
  set(files: readonly string[]): void {
    this.#names = new Set(files);
    const folders = new Set(files.map((file) => path.dirname(file)));
    for (const [folder, watcher] of this.#watchers) if (!folders.has(folder)) this.#end(folder, watcher);
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#begin(folder);
  }

  /** Afterwards nothing is told any more. Twice is fine. */
  [Symbol.dispose](): void {
    this.set([]);
    this.#cancel?.();
  }

  #begin(folder: string): void {
    try {
      // Other parts keep the host running; this must not.
      const watcher = watch(folder, { persistent: false }, (_event, name) => this.#seen(folder, name));
      watcher.on('error', (error) => this.#failed(folder, error));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      this.#failed(folder, error);
    }
  }

  #end(folder: string, watcher: FSWatcher): void {
    this.#watchers.delete(folder);
    watcher.close();
  }

  #failed(folder: string, error: unknown): void {
    const watcher = this.#watchers.get(folder);
    if (watcher !== undefined) this.#end(folder, watcher);
    const { logger } = this.#options;
    logger.warn(`changes in ${folder} are not seen (${messageOf(error)}): use "bellows reload" after a change`, { error });
  }

  /** `name` is null where the system does not say which file it was. */
  #seen(folder: string, name: string | null): void {
    if (name !== null && !this.#names.has(path.join(folder, name))) return;
    this.#cancel?.();
    this.#cancel = this.#options.clock.setTimer(QUIET_MS, this.#options.onChange);
  }
}
