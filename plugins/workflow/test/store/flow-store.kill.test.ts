import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { expect, it } from '@jest/globals';
import { FlowStore } from '../../src/store/flow-store.js';

const program = fileURLToPath(new URL('programs/run-loop.mjs', import.meta.url));
const ROUNDS = 10;

it('loses nothing it acknowledged when its process is killed again and again, and repairs what lists show', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bellows-flow-kill-'));
  /** The last acknowledged event of each run, over all rounds. */
  const acknowledged = new Map<number, number>();
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const known = new Set(acknowledged.keys());
      const child = spawn(process.execPath, [program, folder, String(round)], { stdio: ['pipe', 'pipe', 'inherit'] });
      let lines = 0;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [run = 0, seq = 0] = line.split(' ').map(Number);
        if (known.has(run)) throw new Error(`the key ${run} was given twice`);
        acknowledged.set(run, Math.max(seq, acknowledged.get(run) ?? 0));
        lines += 1;
        if (lines === round * 137) child.kill('SIGKILL');
      });
      expect((await once(child, 'close'))[1]).toBe('SIGKILL');
      await expectAll(folder, acknowledged);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function expectAll(folder: string, acknowledged: ReadonlyMap<number, number>): Promise<void> {
  await using store = await FlowStore.open(folder, { clock: new FakeClock(), logger: silentLogger });
  const active = new Set(store.activeRuns());
  const waiting = new Set([...store.dueWaits()].map((wait) => wait.run));
  for (const [key, seq] of acknowledged) {
    const events = [...store.events(key)];
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: events.length }, (_, index) => index + 1));
    expect(events.length).toBeGreaterThanOrEqual(seq);
    const ended = events.length === 4;
    // dormant exactly between the second event and the third, as one step with it
    expect([key, store.run(key)?.status === 'completed', active.has(key), waiting.has(key)]).toEqual([
      key,
      ended,
      !ended && events.length !== 2,
      events.length === 2,
    ]);
  }
}
