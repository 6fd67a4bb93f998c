import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type OperationDefinition, z } from '@bellows/sdk';

const input = z.strictObject({});
const output = z.strictObject({ version: z.string() });

/**
 * `greeter.shell`: runs one fixed command (this Node.js with `--version`). Because it is marked `runsCommands`, the host asks
 * callers over HTTP for its token even on loopback: a web page must not be able to start programs on this machine.
 */
export function shellOperation(): OperationDefinition<z.output<typeof input>, z.output<typeof output>> {
  return {
    name: 'greeter.shell',
    summary: 'Runs a harmless command on this machine.',
    runsCommands: true,
    input,
    output,
    async handler(_input, call) {
      const { stdout } = await promisify(execFile)(process.execPath, ['--version'], { signal: call.signal, timeout: 10_000 });
      return { version: stdout.trim() };
    },
  };
}
