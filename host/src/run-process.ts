import type { CliIo } from './cli/cli-deps.js';
import { hostDeps } from './cli/host-deps.js';
import { runCli } from './cli/program.js';
import { guardProcess } from './process-guard.js';

/** Runs the command line of this process and ends it with the exit code. */
export async function runProcess(): Promise<void> {
  const guard = guardProcess();
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
  };
  const deps = hostDeps(io, (report) => {
    guard.onFault = report;
  });
  guard.exit(await runCli(process.argv.slice(2), io, deps));
}
