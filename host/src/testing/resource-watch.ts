import { createHook } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync, readlinkSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';

/** What lives on until it is closed, also where `unref` lets the process end without it. */
const CLOSABLE: Readonly<Record<string, string>> = {
  TCPSERVERWRAP: 'a server that nobody closed',
  PIPESERVERWRAP: 'a server that nobody closed',
  UDPWRAP: 'a UDP socket that nobody closed',
  FSEVENTWRAP: 'a watched folder or file that nobody closed',
  STATWATCHER: 'a watched file that nobody closed',
};
const OPEN_FILES = '/proc/self/fd';

/**
 * What was opened since it was made and is open still: child processes, threads, servers, watched folders, repeating timers, files
 * (these on Linux alone). Of anything else it knows nothing, nor of what was there before.
 */
export class ResourceWatch implements Disposable {
  readonly #files = countsOf(openFiles());
  readonly #children = new Set<ChildProcess>();
  readonly #threads = new Set<Worker>();
  readonly #closable = new Map<number, string>();
  readonly #onChild = (message: unknown) => void this.#children.add((message as { readonly process: ChildProcess }).process);
  readonly #onThread = (message: unknown) => void this.#threads.add((message as { readonly worker: Worker }).worker);
  readonly #hook = createHook({
    init: (id, type, _trigger, resource) => {
      const what = type === 'Timeout' && isRepeating(resource) ? 'a setInterval that nobody cleared' : CLOSABLE[type];
      if (what !== undefined) this.#closable.set(id, what);
    },
    destroy: (id) => void this.#closable.delete(id),
    trackPromises: false,
  });

  constructor() {
    subscribe('child_process', this.#onChild);
    subscribe('worker_threads', this.#onThread);
    this.#hook.enable();
  }

  [Symbol.dispose](): void {
    this.#hook.disable();
    unsubscribe('child_process', this.#onChild);
    unsubscribe('worker_threads', this.#onThread);
  }

  /** A line for each. */
  get open(): readonly string[] {
    const files = [...countsOf(openFiles())].filter(([file, count]) => count > (this.#files.get(file) ?? 0));
    return [
      ...[...this.#children].filter(isRunning).map(({ pid }) => `the child process ${pid}`),
      ...[...this.#threads].filter(({ threadId }) => threadId !== ENDED).map(({ threadId }) => `the worker thread ${threadId}`),
      ...new Set(this.#closable.values()),
      ...files.map(([file]) => `the open file ${file}`),
    ];
  }
}

/** The number of a thread that has ended. */
const ENDED = -1;

function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

/** Node.js tells timers apart by this field alone. */
function isRepeating(timer: object): boolean {
  return '_repeat' in timer && typeof timer._repeat === 'number';
}

function openFiles(): readonly string[] {
  return numbersOfOpenFiles().flatMap((number) => {
    const file = pathOf(number);
    return file?.startsWith('/') && !/^\/(dev|proc|sys)\//.test(file) ? [file.replace(/ \(deleted\)$/, '')] : [];
  });
}

function numbersOfOpenFiles(): readonly string[] {
  try {
    return readdirSync(OPEN_FILES);
  } catch {
    return [];
  }
}

/** Undefined for one that was closed meanwhile, as the folder itself that was read. */
function pathOf(number: string): string | undefined {
  try {
    return readlinkSync(`${OPEN_FILES}/${number}`);
  } catch {
    return undefined;
  }
}

export function countsOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...Map.groupBy(names, (name) => name)].map(([name, same]) => [name, same.length]));
}
