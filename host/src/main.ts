#!/usr/bin/env node
import { nodeTooOld } from './node-version.js';

const tooOld = nodeTooOld(process.versions.node);
if (tooOld !== undefined) {
  process.stderr.write(`error: ${tooOld}\n`);
  process.exit(2);
}
// Only now, and not by name above: an older Node.js links the names of an import before it runs a line, and dies of one it does not have.
const { enableCompileCache } = await import('node:module');
const path = await import('node:path');
// Compiled code is kept beside the code itself, not in the shared temporary folder, where others could put theirs. Where that
// folder cannot be written the start is slower and nothing else.
enableCompileCache(path.join(import.meta.dirname, 'compile-cache'));
const { runProcess } = await import('./run-process.js');
await runProcess();
