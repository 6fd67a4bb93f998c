import { systemClock } from '@bellows/sdk';
import type { CliIo } from './cli/cli-deps.js';
import { hostDeps } from './cli/host-deps.js';
import { runCli } from './cli/program.js';
import { guardProcess } from './process-guard.js';

/** Runs the command line of this process and ends it with the exit code. */
export async function runProcess(): Promise<void> {
  const guard = guardProcess(systemClock);
  const { stdout, stderr, stdin, env } = process;
  const io: CliIo = {
    stdout,
    stderr,
    stdin,
    env,
    cwd: process.cwd(),
    self: [process.execPath, process.argv[1] ?? ''],
    signal: guard.signal,
    forceSignal: guard.forceSignal,
    onReload: (listener) => {
      guard.onReload = listener;
    },
    onEnd,
  };
  const deps = hostDeps(io, (report) => {
    guard.onFault = report;
  });
  guard.exit(await runCli(process.argv.slice(2), io, deps));
}

/** Before the faults are told: a message written to a screen that then goes away would not be read. */
function onEnd(restore: () => void): () => void {
  const events = ['exit', 'uncaughtException', 'unhandledRejection'] as const;
  for (const event of events) process.prependListener(event as 'exit', restore);
  return () => {
    for (const event of events) process.off(event, restore);
  };
}
