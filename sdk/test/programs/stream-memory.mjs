// Streams a large value into a store and back, and prints by how many bytes the process grew meanwhile.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openStore } from './open-store.mjs';

const [kind, folder, mebibytes] = process.argv.slice(2);
const PATH = 'dw://internal/large';
const chunk = new Uint8Array(256 * 1024).fill(7);
const store = await openStore(kind, folder);
await store.write(PATH, new Uint8Array(200_000));
// Node.js gives it without a flag on its command line only this way
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
let [peak, steps] = [0, 0];
const before = process.memoryUsage.rss();
/** What nobody holds is no part of it: when the collector comes by itself says the machine. Collecting takes time: every 8 MiB is enough. */
const note = () => {
  if (steps++ % 32 !== 0) return;
  collect();
  peak = Math.max(peak, process.memoryUsage.rss() - before);
};

async function* source() {
  for (let count = 0; count < Number(mebibytes) * 4; count += 1) {
    note();
    yield chunk;
  }
}
await store.writeStream(PATH, source());
let bytes = 0;
for await (const part of store.readStream(PATH)) {
  bytes += part.length;
  note();
}
await store.close();
process.stdout.write(JSON.stringify({ peak, bytes }));
