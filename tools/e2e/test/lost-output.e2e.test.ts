import { spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOST_MAIN } from './running-host.js';
import { tempFolder } from './temp-folder.js';

describe('a command whose output cannot be written', () => {
  it('exits 1 and says so, because what was redirected is not whole', async () => {
    const file = path.join(tempFolder(), 'out');
    writeFileSync(file, '');
    // As a full disk: every write to it fails, here because it is open for reading only.
    const unwritable = openSync(file, 'r');
    const child = spawn(process.execPath, [HOST_MAIN, '--version'], { stdio: ['ignore', unwritable, 'pipe'] });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    closeSync(unwritable);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('not all of the output could be written') });
  });
});
