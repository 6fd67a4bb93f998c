// Writes ever higher numbers into a store and prints each one once it is promised to be durable; streams among them replace one large value.
// Run as a process of its own and killed from outside.
import { openStore } from './open-store.mjs';
import { dataOf, LARGE_PATH, largeChunks, valuePath } from './written-values.mjs';

const [kind, folder, first] = process.argv.slice(2);
const store = await openStore(kind, folder);
for (let id = Number(first); ; id += 2) {
  await Promise.all([id, id + 1].map((each) => store.write(valuePath(each), dataOf(each))));
  process.stdout.write(`value ${id}\nvalue ${id + 1}\n`);
  if (id % 16 !== 0) continue;
  await store.writeStream(LARGE_PATH, largeChunks(id));
  process.stdout.write(`large ${id}\n`);
}
