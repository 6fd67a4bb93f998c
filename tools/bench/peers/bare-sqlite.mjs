// What one writes by hand for the same durability: each step is a transaction of its own, on the disk before the next one begins.
// No retries, no time limits, no compensation, no history to look at, no limit on what is under way.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';

const STEPS = 3;

export function open(folder) {
  const store = openStore(path.join(folder, 'flow.db'));
  /** Runs that wait, by id: resolved when what they wait for comes. */
  const waiting = new Map();
  const goOn = async (id, step) => {
    for (let at = step; at < STEPS; at += 1) {
      const output = await noop();
      store.step(id, at, output);
    }
  };
  return {
    async run() {
      const id = randomUUID();
      store.insert(id, '{}');
      await nextTurn(); // whoever asked has heard that it was accepted
      await goOn(id, 0);
    },
    /** Accepts runs that wait for a signal before their first step. */
    wait(count) {
      const started = performance.now();
      for (let at = 0; at < count; at += 1) {
        const id = randomUUID();
        store.insert(id, '{}');
        void waitFor(waiting, id).then(() => goOn(id, 0));
      }
      return { tookMs: performance.now() - started };
    },
    /** After a restart: finds the runs that have not ended and goes on with the first of them. */
    async resume() {
      const open = store.unfinished();
      for (const { id, step } of open) void waitFor(waiting, id).then(() => goOn(id, step));
      const [first] = open;
      await goOn(first.id, first.step);
      return { count: open.length };
    },
    close: () => store.close(),
  };
}

async function noop() {
  return null;
}

function waitFor(waiting, id) {
  return new Promise((resolve) => waiting.set(id, resolve));
}

function openStore(file) {
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  db.exec('CREATE TABLE IF NOT EXISTS run (id TEXT PRIMARY KEY, input TEXT NOT NULL, step INTEGER NOT NULL, output TEXT) WITHOUT ROWID');
  db.exec(`CREATE INDEX IF NOT EXISTS unfinished ON run (step) WHERE step < ${STEPS}`);
  const insert = db.prepare('INSERT INTO run (id, input, step) VALUES (?, ?, 0)');
  const advance = db.prepare('UPDATE run SET step = ?, output = ? WHERE id = ? AND step = ?');
  const unfinished = db.prepare(`SELECT id, step FROM run WHERE step < ${STEPS}`);
  return {
    insert: (id, input) => insert.run(id, input),
    step: (id, at, output) => advance.run(at + 1, JSON.stringify(output), id, at),
    unfinished: () => unfinished.all(),
    close: () => db.close(),
  };
}
