#!/usr/bin/env node
import { runCli } from './cli/program.js';
import { guardProcess } from './process-guard.js';

const MIN_NODE_MAJOR = 24;
if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR) {
  process.stderr.write(`error: Bellows needs Node.js ${MIN_NODE_MAJOR} or newer, this is ${process.version}\n`);
  process.exit(2);
}
const guard = guardProcess();
guard.exit(await runCli(process.argv.slice(2), guard.io));
