// Writes ever higher numbers into the store named by the first argument and prints each one once it is promised to be durable.
// Run as a process of its own and killed from outside; uses the built package.
import { SqliteStore } from '../../dist/index.js';

const store = await SqliteStore.open(process.argv[2]);
for (let id = 0; ; id += 2) {
  await Promise.all([id, id + 1].map((each) => store.write(`dw://internal/loop/${each}`, new Uint8Array(2_000).fill(each % 251))));
  process.stdout.write(`${id}\n${id + 1}\n`);
}
