import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { freePort } from '../free-port.mjs';
import { differenceOf } from './printed.mjs';

/** A command that hangs is a fault of the document, not of the machine. */
const LIMIT_MS = 600_000;
/** How long a person would look at a terminal in which something must come. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;
const REPEAT_MS = 300;
/** The port that the documents name; a reader of a test has another one. */
const DOCUMENTED = '127.0.0.1:7070';
/** What a shell of somebody who sits down now does not have. */
const FOREIGN = /^(BELLOWS_|NX_|npm_|INIT_CWD$|NODE_OPTIONS$|NODE_ENV$|JEST_|FORCE_COLOR$|GIT_)/;

/**
 * Follows a document as a person would: saves its files, types its commands into one shell, keeps what is meant to stay in a first
 * terminal, and compares what is printed. One step at a time. `close` ends what runs, a step under way too, and each that comes after it
 * fails; it may be called twice, also at once.
 */
export class Reader {
  #folder;
  #env;
  #state;
  #prelude;
  #address;
  #terminal;
  #typed;
  #beside = [];
  #closed;

  /** `prelude`: shell functions that stand for commands of the reader's machine. */
  static async create({ folder, prelude = '', env = {} }) {
    const port = await freePort();
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name)));
    const identity = {
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@localhost',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@localhost',
    };
    return new Reader({ folder, prelude, port, env: { ...own, ...identity, NO_COLOR: '1', BELLOWS_PORT: String(port), ...env } });
  }

  constructor({ folder, prelude, port, env }) {
    this.#folder = folder;
    this.#state = mkdtempSync(path.join(os.tmpdir(), 'bellows-reader-'));
    const temporary = path.join(this.#state, 'tmp');
    mkdirSync(temporary);
    this.#env = { TMPDIR: temporary, ...env };
    this.#prelude = prelude;
    this.#address = `127.0.0.1:${port}`;
  }

  /** Does what a step says and answers what was printed; throws when it fails or shows something else. */
  async follow(step) {
    this.#demandOpen();
    if (step.marks.file !== undefined) return this.#save(step.marks.file, step.text);
    const until = performance.now() + PATIENCE_MS;
    let printed = await (step.marks.background ? this.#keep(step) : this.#run(step));
    while (step.marks.repeat && !fits(step, printed) && performance.now() < until) {
      await pause(REPEAT_MS);
      printed = await this.#run(step);
    }
    const difference = fits(step, printed) ? undefined : differenceOf(step.shows, printed);
    if (difference !== undefined) throw new Error(`line ${step.line}: ${difference}\n\nprinted:\n${printed}`);
    return printed;
  }

  close() {
    this.#closed ??= this.#endAll();
    return this.#closed;
  }

  async #endAll() {
    const typed = this.#typed === undefined ? [] : [this.#typed];
    await Promise.all([...typed, ...this.#beside.splice(0)].map((run) => end(run, 'SIGTERM')));
    await this.#endTerminal();
    rmSync(this.#state, { recursive: true, force: true, maxRetries: 5 });
  }

  #save(name, text) {
    const file = path.resolve(this.#cwd(), name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return '';
  }

  async #run(step) {
    // What the next block begins with: this folder, and what was exported.
    const state = `trap 'code=$?; export -p > "${this.#file('env')}"; pwd > "${this.#file('cwd')}"; exit $code' EXIT`;
    const run = this.#spawn(`${state}\n${step.text}`);
    const timer = setTimeout(() => run.signal('SIGKILL'), LIMIT_MS);
    if (step.marks.beside) this.#beside.push(run);
    else this.#typed = run;
    const code = await (step.marks.beside ? run.prompt : run.exit);
    this.#typed = undefined;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`line ${step.line}: ended with ${code}:\n${step.text}\nprinted:\n${run.printed()}`);
    return run.printed();
  }

  /** Resolves when `until` was printed, and then what the document shows, or after a while without it: the comparison says what is missing. */
  async #keep(step) {
    await this.#endTerminal();
    const run = this.#spawn(step.text);
    this.#terminal = run;
    let ended = false;
    void run.exit.then(() => {
      ended = true;
    });
    const isReady = () => run.printed().includes(step.marks.until);
    if (!(await comesAbout(() => ended || isReady(), LIMIT_MS)) || !isReady())
      throw new Error(`line ${step.line}: ${ended ? 'ended before' : 'never printed'} “${step.marks.until}”:\n${run.printed()}`);
    await comesAbout(() => ended || fits(step, run.printed()), PATIENCE_MS);
    return run.printed();
  }

  /** Ctrl-C goes to everything in the terminal. */
  async #endTerminal() {
    const run = this.#terminal;
    this.#terminal = undefined;
    if (run !== undefined) await end(run, 'SIGINT');
  }

  #demandOpen() {
    if (this.#closed) throw new Error('This reader was closed.');
  }

  #spawn(commands) {
    this.#demandOpen(); // a step under way may come here after the end of the one before it
    const script = `exec 2>&1
[ -f '${this.#file('env')}' ] && . '${this.#file('env')}'
${this.#prelude}
set -e
${commands.replaceAll(DOCUMENTED, this.#address)}`;
    const child = spawn('bash', ['-c', script], { cwd: this.#cwd(), env: this.#env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    return {
      /** When the shell ends, as a person sees by the prompt; and when everything it has started has ended, too. */
      prompt: once(child, 'exit').then(([code, signal]) => code ?? signal),
      exit: once(child, 'close').then(([code, signal]) => code ?? signal),
      printed: () => stripVTControlCharacters(text).replaceAll(this.#address, DOCUMENTED),
      signal: (name) => signalGroup(child.pid, name),
    };
  }

  #file(name) {
    return path.join(this.#state, name);
  }

  #cwd() {
    try {
      return readFileSync(this.#file('cwd'), 'utf8').trimEnd();
    } catch {
      return this.#folder; // nothing was typed yet
    }
  }
}

async function comesAbout(look, withinMs) {
  const deadline = performance.now() + withinMs;
  while (!look()) {
    if (performance.now() > deadline) return false;
    await pause(LOOK_MS);
  }
  return true;
}

function fits({ shows }, printed) {
  return shows === undefined || differenceOf(shows, printed) === undefined;
}

async function end(run, name) {
  run.signal(name);
  const late = setTimeout(() => run.signal('SIGKILL'), PATIENCE_MS);
  await run.exit;
  clearTimeout(late);
}

function signalGroup(pid, name) {
  try {
    process.kill(-pid, name);
  } catch {
    // it has ended meanwhile
  }
}
