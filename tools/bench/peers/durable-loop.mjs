// One peer of the workflow figures in a process of its own, told over IPC what to do: `node durable-loop.mjs PEER SOFTWARE [FOLDER]`.
// A peer is a module with `open(folder, software)`, which answers `{ run(), wait?(), resume?(), close() }` or throws what is missing. It keeps its
// data in FOLDER; without one in a temporary folder, which it removes.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cpuMs, familyOf } from '../processes.mjs';
import { timeCount } from '../time-calls.mjs';

const [name, software, given] = process.argv.slice(2);
const folder = given ?? mkdtempSync(path.join(os.tmpdir(), 'bellows-peer-'));
let peer;
const COMMANDS = {
  /** Its servers are its children, so the CPU of the family is all that a workflow costs. */
  measure: (how) => timeCount(() => peer.run(), { ...how, cpuMs: () => cpuMs(familyOf(process.pid)) }),
  wait: ({ count }) => peer.wait(count),
  resume: () => peer.resume(),
};

process.on('message', async ({ id, command, ...how }) => {
  try {
    process.send({ id, answer: await COMMANDS[command](how) });
  } catch (error) {
    process.send({ id, error: error.stack });
  }
});
process.on('SIGINT', () => {}); // the terminal tells everybody; the one who started this one decides
process.on('disconnect', close);
try {
  const { open } = await import(`./${name}.mjs`);
  peer = await open(folder, software);
  process.send({ id: 0 });
} catch (error) {
  process.send({ id: 0, error: error.message });
}

async function close() {
  await peer?.close();
  if (given === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}
