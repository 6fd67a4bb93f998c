import process from 'node:process';
import { before } from 'node:test';
import { OpenThings } from './open-things.mjs';

/**
 * `node --import <this file> --test`: the guard of this repository for Node's own runner. A test file ends when nothing holds its process, so
 * what is found is what does not hold one: intervals and servers that are `unref`'d, listeners, threads, children, files, folders.
 */
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  // what the runner itself opens at its first use, and this listener, are there before the guard looks
  before(() => {});
  let open;
  process.on('exit', () => {
    if (open.left.length === 0) return;
    console.error(`This test file leaves something open at its end:\n${open.left.map((line) => `  - ${line}`).join('\n')}`);
    process.exitCode = 1;
  });
  open = new OpenThings(process);
}
