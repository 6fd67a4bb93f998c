import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { killLoop } from '../../../sdk/test/programs/kill-loop.mjs';

export const what = 'processes that write stores, of SQLite and of files, killed at any moment; everything they were promised is there';

/** One store outlives that many kills: long enough for logs that were left behind, short enough to read all of it each time. */
const KILLS_PER_STORE = 10;
const MAX_PROMISES = 150;

export async function run({ random, durationMs, tell }) {
  const end = performance.now() + durationMs;
  const did = { kills: 0, values: 0, streams: 0 };
  for (let turn = 0; turn === 0 || performance.now() < end; turn += 1) {
    const kind = turn % 2 === 0 ? 'sqlite' : 'files';
    const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-chaos-'));
    try {
      const linesOf = () => 1 + Math.floor(random() * MAX_PROMISES);
      const promised = await killLoop({ kind, folder, rounds: KILLS_PER_STORE, linesOf });
      did.kills += KILLS_PER_STORE;
      did.values += promised.values;
      did.streams += promised.streams;
      tell(`${kind}: ${JSON.stringify(promised)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return did;
}
