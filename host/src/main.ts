#!/usr/bin/env node
import type { CliIo } from './cli/cli-deps.js';
import { hostDeps } from './cli/host-deps.js';
import { runCli } from './cli/program.js';
import { guardProcess } from './process-guard.js';

const MIN_NODE_MAJOR = 24;
if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR) {
  process.stderr.write(`error: Bellows needs Node.js ${MIN_NODE_MAJOR} or newer, this is ${process.version}\n`);
  process.exit(2);
}

const guard = guardProcess();
const { stdout, stderr, stdin, env } = process;
const io: CliIo = { stdout, stderr, stdin, env, cwd: process.cwd(), signal: guard.signal, forceSignal: guard.forceSignal };
const deps = hostDeps(io, (host) => {
  guard.onFault = (pluginId, error) => host.reportFault(pluginId, error);
});
guard.exit(await runCli(process.argv.slice(2), io, deps));
