import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { expect, it } from '@jest/globals';
import { FlowStore } from '../src/store/flow-store.js';

const program = fileURLToPath(new URL('programs/workflow-loop.mjs', import.meta.url));
const STAGES = ['first', 'pause', 'second', 'last'];
const ROUNDS = 4;

it('carries out everything it acknowledged, and repeats no effect that was recorded, when its process is killed again and again', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bellows-workflow-kill-'));
  const acknowledged = new Set<string>();
  /** Effects that were recorded before a round: none of them may come in it. */
  const recordedBefore: ReadonlySet<string>[] = [];
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      recordedBefore[round] = await recorded(folder);
      const child = spawn(process.execPath, [program, folder, String(round)], { stdio: ['pipe', 'pipe', 'inherit'] });
      let lines = 0;
      createInterface({ input: child.stdout }).on('line', (id) => {
        acknowledged.add(id);
        // of this round: what a killed process has written before is still read
        lines += 1;
        if (lines === 97) child.kill('SIGKILL');
      });
      expect((await once(child, 'close'))[1]).toBe('SIGKILL');
    }
    const last = ROUNDS + 1;
    recordedBefore[last] = await recorded(folder);
    const child = spawn(process.execPath, [program, folder, String(last), 'last'], { stdio: ['pipe', 'inherit', 'inherit'] });
    expect(await once(child, 'close')).toEqual([0, null]);
    const repeated = (await readFile(path.join(folder, 'effects'), 'utf8')).split('\n').filter((line) => {
      const [round, key] = line.split(' ');
      return key !== undefined && recordedBefore[Number(round)]?.has(key);
    });
    expect(repeated).toEqual([]);
    await using store = await FlowStore.open(folder, { clock: new FakeClock(), logger: silentLogger });
    const ends = [...acknowledged].map((id) => [id, store.findRun(id)?.status]);
    expect(ends).toEqual([...acknowledged].map((id) => [id, id.endsWith('-3') ? 'rolled_back' : 'completed']));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Keys of the effects whose outcome is in the log. */
async function recorded(folder: string): Promise<Set<string>> {
  await using store = await FlowStore.open(folder, { clock: new FakeClock(), logger: silentLogger });
  const keys = new Set<string>();
  for (const { key, id } of runsOf(store)) {
    for (const { type, stage } of store.events(key)) {
      if (type === 'stage.completed' || type === 'stage.failed') keys.add(`${id}/${STAGES[stage]}`);
      if (type === 'compensation.completed') keys.add(`${id}/${STAGES[stage]}/compensate`);
    }
  }
  return keys;
}

function* runsOf(store: FlowStore) {
  for (let cursor: string | undefined; ; ) {
    const page = store.list({ limit: 1_000, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.items;
    if (page.cursor === undefined) return;
    cursor = page.cursor;
  }
}
