// Kills a process that writes a store, again and again, and looks whether everything it was promised is there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openStore } from './open-store.mjs';
import { idOf, LARGE_PATH, VALUE_PREFIX, valuePath } from './written-values.mjs';

const PROGRAM = fileURLToPath(new URL('./write-loop.mjs', import.meta.url));
/** More than one process writes before it is killed. */
const IDS_PER_ROUND = 1_000_000;

/** `linesOf(round)` is after how many promises that round is killed. Throws with what is missing; gives how much was promised and found. */
export async function killLoop({ kind, folder, rounds, linesOf }) {
  const promised = { values: new Set(), large: -1, streams: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    await writeUntilKilled({ kind, folder, first: round * IDS_PER_ROUND, lines: linesOf(round), promised });
    await demandAll(kind, folder, promised);
  }
  return { values: promised.values.size, streams: promised.streams };
}

async function writeUntilKilled({ kind, folder, first, lines, promised }) {
  const child = spawn(process.execPath, [PROGRAM, kind, folder, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let count = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [what, id] = line.split(' ');
    if (what === 'large') {
      promised.large = Number(id);
      promised.streams += 1;
    } else promised.values.add(Number(id));
    if ((count += 1) === lines) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself, with ${code}, after ${count} promises`);
}

async function demandAll(kind, folder, promised) {
  await using store = await openStore(kind, folder);
  for (const id of promised.values) {
    const data = await store.read(valuePath(id));
    if (data === null || idOf(data) !== id)
      throw new Error(`${kind}: value ${id} was promised and is ${data === null ? 'gone' : 'another'}`);
  }
  // what was not promised may be there, whole
  for (const path of await store.list(VALUE_PREFIX)) idOf(await store.read(path));
  const large = await store.read(LARGE_PATH);
  const id = large === null ? -1 : idOf(large, { large: true });
  if (id < promised.large) throw new Error(`${kind}: stream ${promised.large} was promised, ${id} is there`);
}
