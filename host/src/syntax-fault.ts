import { execFile } from 'node:child_process';

/**
 * The line at which a file of JavaScript cannot be parsed; undefined when it can, or when that was not found out. Runs nothing of the
 * file. Never rejects. An `import()` that fails does not tell it: Node shows the place only where it ends for the error.
 */
export function syntaxFaultLine(file: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--check', file], { timeout: CHECK_MS, killSignal: 'SIGKILL' }, (error, _stdout, stderr) => {
      const line = /:(\d+)$/.exec(stderr.split(/\r?\n/, 1)[0] ?? '')?.[1];
      resolve(error === null || line === undefined ? undefined : Number(line));
    });
  });
}

/** A check takes some 50 ms; whoever waits for a message about a fault would rather have it without the line than late. */
const CHECK_MS = 5_000;
