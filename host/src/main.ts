#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import path from 'node:path';

const MIN_NODE_MAJOR = 24;
if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR) {
  process.stderr.write(`error: Bellows needs Node.js ${MIN_NODE_MAJOR} or newer, this is ${process.version}\n`);
  process.exit(2);
}
// Compiled code is kept beside the code itself, not in the shared temporary folder, where others could put theirs. Where that
// folder cannot be written the start is slower and nothing else.
enableCompileCache(path.join(import.meta.dirname, 'compile-cache'));
const { runProcess } = await import('./run-process.js');
await runProcess();
