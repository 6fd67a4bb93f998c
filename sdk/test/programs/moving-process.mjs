// Opens a store by a relative name, and writes to it from another working folder.
import { mkdirSync } from 'node:fs';
import { openStore } from './open-store.mjs';

process.chdir(process.argv[2]);
const store = await openStore('sqlite', '.');
mkdirSync('elsewhere');
process.chdir('elsewhere');
await store.write('dw://internal/a', Uint8Array.of(1));
process.stdout.write((await store.read('dw://internal/a')) === null ? 'lost' : 'stored');
await store.close();
