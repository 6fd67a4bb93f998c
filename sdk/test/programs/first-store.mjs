// One of many processes that make the same store at the same time: prints `stored`, or what it was told.
import { openStore } from './open-store.mjs';

const [folder, name] = process.argv.slice(2);
const outcome = await write().catch((error) => error.code);
process.stdout.write(outcome);

async function write() {
  await using store = await openStore('sqlite', folder);
  await store.write(`dw://internal/${name}`, Uint8Array.of(1));
  return 'stored';
}
