#!/usr/bin/env node
// node tools/documents/follow.mjs FILE [--in FOLDER]: does what a document says, as a reader of it would, and shows what is printed.
// It changes the folder (a clone of yours, for tutorials) and starts a host there; 1 when a step fails or shows something else.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { stepsOf } from './blocks.mjs';
import { Reader } from './reader.mjs';

const { values, positionals } = parseArgs({ options: { in: { type: 'string', default: process.cwd() } }, allowPositionals: true });
const reader = await Reader.create({ folder: values.in });
let interrupted = false;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  // What the reader has started is in groups of its own, which the terminal does not reach.
  process.once(signal, async () => {
    interrupted = true;
    await reader.close();
    process.exit(code);
  });
}
try {
  for (const step of stepsOf(readFileSync(positionals[0] ?? '', 'utf8'))) {
    console.log(`\n── line ${step.line}: ${step.marks.file ?? step.text.trimEnd()}`);
    console.log(await reader.follow(step));
  }
} catch (error) {
  if (!interrupted) console.error(error.message);
  process.exitCode = 1;
} finally {
  await reader.close();
}
