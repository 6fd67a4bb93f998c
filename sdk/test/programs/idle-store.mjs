// A store that nobody closes must not keep its process alive, and not lose what it was given last.
import { openStore } from './open-store.mjs';

const store = await openStore('sqlite', process.argv[2]);
void store.write('dw://internal/last', Uint8Array.of(1)).then(() => process.stdout.write('stored'));
