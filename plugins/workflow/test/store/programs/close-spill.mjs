// Writes and closes with nothing else to live for: says so when the close has ended.
import { SpillStore } from '../../../dist/store/spill-store.js';

const store = new SpillStore(process.argv[2]);
const writing = Array.from({ length: 5 }, (_, index) => store.write(`dw://internal/${index}`, new Uint8Array(2_000_000)));
const closing = store.close();
await Promise.all(writing);
await closing;
console.log('closed');
