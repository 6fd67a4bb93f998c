import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

/** What lives on until it is closed, also where `unref` lets the process end without it. By the names of Node's async hooks. */
const CLOSABLE = {
  TCPSERVERWRAP: 'a server that nobody closed',
  PIPESERVERWRAP: 'a server that nobody closed',
  TCPWRAP: 'a connection that nobody closed',
  UDPWRAP: 'a UDP socket that nobody closed',
  FSEVENTWRAP: 'a watched folder or file that nobody closed',
  STATWATCHER: 'a watched file that nobody closed',
};
/** Jest itself takes and gives these while a file runs. */
const EVENTS_OF_JEST = new Set(['uncaughtException', 'unhandledRejection', 'rejectionHandled']);
const OPEN_FILES = '/proc/self/fd';
/** The number of a thread that has ended. */
const ENDED = -1;

/**
 * What was opened in this process since it was made and is open still. `tests` is the process as tests see it, which under Jest is a
 * copy. Folders are those of `mkdtemp` in the system's temporary folder; open files are seen on Linux alone.
 */
export class OpenThings {
  #tests;
  #listeners;
  #files = countsOf(openFiles());
  #children = new Set();
  #threads = new Set();
  #handles = new Map();
  #timers = new Map();
  #folders = new Set();
  // held weakly: what runs is kept by Node itself, and what has ended would be kept by this, with all that it read
  #onChild = ({ process: child }) => void this.#children.add(new WeakRef(child));
  #onThread = ({ worker }) => void this.#threads.add(new WeakRef(worker));
  #hook = createHook({
    init: (id, type, _trigger, resource) => {
      if (type === 'Timeout') this.#timers.set(id, resource);
      else if (type in CLOSABLE) this.#handles.set(id, CLOSABLE[type]);
    },
    destroy: (id) => {
      this.#timers.delete(id);
      this.#handles.delete(id);
    },
    trackPromises: false,
  });
  #giveBack;

  constructor(tests) {
    this.#tests = tests;
    this.#listeners = this.#listenerCounts();
    this.#giveBack = watchFolders((folder) => this.#folders.add(folder));
    subscribe('child_process', this.#onChild);
    subscribe('worker_threads', this.#onThread);
    this.#hook.enable();
  }

  [Symbol.dispose]() {
    this.#hook.disable();
    unsubscribe('child_process', this.#onChild);
    unsubscribe('worker_threads', this.#onThread);
    this.#giveBack();
  }

  /** A line for each. */
  get left() {
    return [...this.#closing, ...this.#running];
  }

  /** Nothing but timers is left. These wait for no other process, however busy the machine is. */
  get hasOnlyTimers() {
    return this.#running.length > 0 && this.#closing.length === 0;
  }

  get #running() {
    return [...this.#timers.values()].flatMap(timerLine);
  }

  get #closing() {
    return [
      ...more(this.#listenerCounts(), this.#listeners).map((event) => `a listener to "${event}" of the process`),
      ...alive(this.#children)
        .filter(isRunning)
        .map(({ pid, spawnfile }) => `the child process ${pid} (${spawnfile})`),
      ...alive(this.#threads)
        .filter(({ threadId }) => threadId !== ENDED)
        .map(({ threadId }) => `the worker thread ${threadId}`),
      ...this.#handles.values(),
      ...more(countsOf(openFiles()), this.#files).map((file) => `the open file ${file}`),
      ...[...this.#folders].filter((folder) => fs.existsSync(folder)).map((folder) => `the temporary folder ${folder}`),
    ];
  }

  #listenerCounts() {
    const emitters = new Set([process, this.#tests]);
    const events = [...emitters].flatMap((emitter) =>
      emitter.eventNames().map((event) => [`${String(event)}${emitter === process ? '' : ' '}`, emitter.listenerCount(event)]),
    );
    return new Map(events.filter(([event]) => !EVENTS_OF_JEST.has(event)));
  }
}

/** An interval counts always; one that runs once and is unref'd ends with whom it serves. */
function timerLine(timer) {
  if (timer._destroyed) return []; // cleared; the hook hears of it later, and not at all when the process ends before
  if (typeof timer._repeat === 'number') return ['a setInterval that nobody cleared'];
  return timer.hasRef() ? ['a setTimeout that nobody cleared'] : [];
}

function alive(refs) {
  return [...refs].map((ref) => ref.deref()).filter((thing) => thing !== undefined);
}

function isRunning({ pid, exitCode, signalCode }) {
  return pid !== undefined && exitCode === null && signalCode === null;
}

/** Tells each folder that `mkdtemp` and its kin make in the temporary folder from now on; answers how to end that. */
function watchFolders(tell) {
  const root = fs.realpathSync(os.tmpdir());
  const note = (folder) => {
    const made = path.resolve(String(folder));
    if (made.startsWith(`${os.tmpdir()}${path.sep}`) || made.startsWith(`${root}${path.sep}`)) tell(made);
    return folder;
  };
  const { mkdtempSync, mkdtemp, mkdtempDisposableSync } = fs;
  const { mkdtemp: mkdtempLater, mkdtempDisposable } = fs.promises;
  const noteIn = (made) => {
    note(made.path);
    return made;
  };
  fs.mkdtempSync = (...args) => note(mkdtempSync(...args));
  fs.mkdtemp = (...args) => {
    const done = args.pop();
    mkdtemp(...args, (error, folder) => done(error, error ? folder : note(folder)));
  };
  fs.promises.mkdtemp = async (...args) => note(await mkdtempLater(...args));
  fs.mkdtempDisposableSync = (...args) => noteIn(mkdtempDisposableSync(...args));
  fs.promises.mkdtempDisposable = async (...args) => noteIn(await mkdtempDisposable(...args));
  // what modules import by name follows only when it is told to
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs, { mkdtempSync, mkdtemp, mkdtempDisposableSync });
    Object.assign(fs.promises, { mkdtemp: mkdtempLater, mkdtempDisposable });
    syncBuiltinESMExports();
  };
}

function openFiles() {
  let numbers;
  try {
    numbers = fs.readdirSync(OPEN_FILES);
  } catch {
    return [];
  }
  return numbers.flatMap((number) => {
    const file = pathOf(number);
    return file?.startsWith('/') && !/^\/(dev|proc|sys)\//.test(file) ? [file.replace(/ \(deleted\)$/, '')] : [];
  });
}

/** Undefined for one that was closed meanwhile, as the folder itself that was read. */
function pathOf(number) {
  try {
    return fs.readlinkSync(`${OPEN_FILES}/${number}`);
  } catch {
    return undefined;
  }
}

function countsOf(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function more(now, before) {
  return [...now].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name.trim());
}
