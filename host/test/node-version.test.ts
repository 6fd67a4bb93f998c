import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { nodeTooOld } from '../src/node-version.js';

/** A Node.js of this machine that is too old, with its version. */
const old = oldNode();

describe('an older Node.js', () => {
  it('is refused from 23 down, and taken from 24 up', () => {
    expect(nodeTooOld('20.20.2')).toBe('Bellows needs Node.js 24 or newer; this is v20.20.2');
    expect(nodeTooOld('23.11.0')).toContain('v23.11.0');
    expect(nodeTooOld('24.0.0')).toBeUndefined();
    expect(nodeTooOld('100.1.0')).toBeUndefined();
  });

  const ran = old === undefined ? 'as its imports show, for no older Node.js is here' : `as v${old.version} does`;
  it(`hears what is needed, with 2 and without a trace of the code (${ran})`, () => {
    const main = source('main.ts');
    if (old === undefined) {
      // Names of an import are linked before anything is checked.
      expect([...main.matchAll(/^import .*$/gm)].map(([line]) => line)).toEqual([expect.stringContaining('./node-version.js')]);
      return;
    }
    const folder = mkdtempSync(path.join(tmpdir(), 'bellows-old-node-'));
    writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(path.join(folder, 'main.js'), stripTypeScriptTypes(main));
    writeFileSync(path.join(folder, 'node-version.js'), stripTypeScriptTypes(source('node-version.ts')));
    const { status, stdout, stderr } = spawnSync(old.file, [path.join(folder, 'main.js'), 'start'], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: `error: Bellows needs Node.js 24 or newer; this is v${old.version}\n`,
    });
  });
});

function source(name: string): string {
  return readFileSync(path.join(import.meta.dirname, '..', 'src', name), 'utf8');
}

function oldNode(): { readonly file: string; readonly version: string } | undefined {
  const { stdout } = spawnSync('which', ['-a', 'node'], { encoding: 'utf8' });
  for (const file of (stdout ?? '').split('\n').filter((line) => line !== '')) {
    const version = execFileSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
    if (nodeTooOld(version) !== undefined) return { file, version };
  }
  return undefined;
}
