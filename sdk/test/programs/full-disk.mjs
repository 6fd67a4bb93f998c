// Writes into a store on a small disk until it is refused, then makes room and goes on. Prints what was told.
import { rm } from 'node:fs/promises';
import { openStore } from './open-store.mjs';

const [kind, folder, filler] = process.argv.slice(2);
const pathOf = (id) => `dw://internal/${id}`;
const dataOf = (id) => new Uint8Array(20_000).fill(id % 251);
const store = await openStore(kind, folder);
const kept = [];
let refusal;
for (let id = 0; id < 1_000 && refusal === undefined; id += 1) {
  await store.write(pathOf(id), dataOf(id)).then(
    () => kept.push(id),
    (error) => {
      refusal = error.code;
    },
  );
}
async function* large() {
  for (let count = 0; count < 1_000; count += 1) yield new Uint8Array(100_000);
}
const stream = await store.writeStream(pathOf(0), large()).then(
  () => 'stored',
  (error) => error.code,
);
const missing = async (opened) => {
  const lost = [];
  for (const id of kept) if (Buffer.compare((await opened.read(pathOf(id))) ?? new Uint8Array(), dataOf(id)) !== 0) lost.push(id);
  return lost;
};
const lost = await missing(store);
if (filler !== undefined) {
  await rm(filler);
  await store.write('dw://internal/after', dataOf(1));
  kept.length > 0 && (await store.delete('dw://internal/never'));
}
await store.close();
const again = await openStore(kind, folder);
const after = filler === undefined ? null : ((await again.read('dw://internal/after'))?.length ?? null);
process.stdout.write(JSON.stringify({ kept: kept.length, refusal, stream, lost, lostAfterwards: await missing(again), after }));
await again.close();
