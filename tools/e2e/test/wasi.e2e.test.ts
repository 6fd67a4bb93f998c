import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { COMPUTE, REPOSITORY, type RunningHost, startHost } from './running-host.js';

const WORDCOUNT = path.join(REPOSITORY, 'docs/examples/wasi-wordcount/dist/wordcount.wasm');
const LICENSE = path.join(REPOSITORY, 'LICENSE');

describe('a WASI program on a real file', () => {
  let host: RunningHost;

  beforeAll(async () => {
    host = await startHost({ config: { plugins: { compute: { from: COMPUTE } } } });
    writeFileSync(path.join(host.folder, 'license.txt'), readFileSync(LICENSE));
  });

  it('is put from the command line', async () => {
    const { code, stderr } = await host.bellows(['compute', 'put', 'wordcount', WORDCOUNT]);
    expect([code, stderr]).toEqual([0, '']);
    const { json } = await host.call('compute.get', { name: 'wordcount' });
    expect(json).toMatchObject({ kind: 'wasi', bytes: readFileSync(WORDCOUNT).length });
  });

  it('counts the words of the file and writes its result beside it', async () => {
    const text = readFileSync(LICENSE, 'utf8');
    const words = text.split(/\s+/).filter(Boolean).length;
    const lines = text.split('\n').length - 1;
    const args = ['compute', 'invoke', 'wordcount', '_start', 'license.txt', 'counted.txt', '--dir', '.:/'];
    const { code, stdout, stderr } = await host.bellows(args);
    expect([code, stderr]).toEqual([0, '']);
    for (const count of [lines, words, Buffer.byteLength(text)]) expect(stdout).toContain(String(count));
    const written = readFileSync(path.join(host.folder, 'counted.txt'), 'utf8');
    for (const count of [lines, words, Buffer.byteLength(text)]) expect(written).toContain(String(count));
  });

  it('changes nothing in a folder that it may only read', async () => {
    const args = ['compute', 'invoke', 'wordcount', '_start', 'license.txt', 'refused.txt', '--dir', '.:/:ro'];
    await host.bellows(args);
    expect(() => readFileSync(path.join(host.folder, 'refused.txt'))).toThrow(/ENOENT/);
  });

  it('sees nothing outside of the folder it was given', async () => {
    const { code, stdout } = await host.bellows(['compute', 'invoke', 'wordcount', '_start', '../../etc/hostname', '--dir', '.:/']);
    expect(code).not.toBe(0);
    expect(stdout).not.toMatch(/lines\s+[1-9]/);
  });

  it('ends the command with its own exit code', async () => {
    const { code } = await host.bellows(['compute', 'invoke', 'wordcount', '_start', 'not-there.txt', '--dir', '.:/']);
    expect(code).not.toBe(0);
  });
});
