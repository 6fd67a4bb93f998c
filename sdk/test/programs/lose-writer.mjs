// Ends the thread of a store while a write is under way, and prints what became of it and of the writes after it.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from './open-store.mjs';

const threads = [];
process.on('worker', (worker) => threads.push(worker));
const store = await openStore('sqlite', process.argv[2]);
await store.list('');
const threadsToRead = threads.length;
await store.write('dw://internal/before', Uint8Array.of(1));
// another one writes: what is under way cannot be over before the thread has been told to end
const other = new DatabaseSync(path.join(process.argv[2], 'store.db'));
other.exec('BEGIN IMMEDIATE');
const underWay = [store.write('dw://internal/under-way', new Uint8Array(300_000)), store.read('dw://internal/before')];
// it is on its way to the thread after this turn
setImmediate(() =>
  setImmediate(() => {
    void threads[0].terminate();
    other.close();
  }),
);
const [lost] = await Promise.allSettled(underWay);
await store.writeStream('dw://internal/stream', endingThread());
await store.write('dw://internal/after', new Uint8Array(300_000).fill(2));
const read = async (path) => (await store.read(path))?.length ?? null;
const report = {
  lost: lost.reason?.code ?? lost.status,
  stream: await read('dw://internal/stream'),
  before: await read('dw://internal/before'),
  after: await read('dw://internal/after'),
  threadsToRead,
};
await store.close();
process.stdout.write(JSON.stringify(report));

async function* endingThread() {
  yield new Uint8Array(3_000_000);
  await threads.at(-1).terminate();
  yield new Uint8Array(3_000_000);
  yield new Uint8Array(3_000_000);
  await threads.at(-1).terminate();
}
