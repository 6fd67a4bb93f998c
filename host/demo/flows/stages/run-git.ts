import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const run = promisify(execFile);

/** What git prints in a folder; it never asks and never writes there by itself. Ends with the stage. */
export async function runGit(folder: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await run('git', ['-C', folder, ...args], {
    signal,
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
  });
  return stdout;
}
