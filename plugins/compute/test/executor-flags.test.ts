import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { executorFlags } from '../src/executor-flags.js';

const SCOPE = '@bjorn3';
const PACKAGE = 'browser_wasi_shim';
const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'bellows-flags-')));
  made.push(folder);
  return folder;
}

function packageIn(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type: 'module', exports: './index.js' }));
  writeFileSync(path.join(folder, 'index.js'), 'export const answer = 42;\n');
}

/** What a program of an installed package prints that imports the dependency, with the flags of an executor. */
function importedIn(root: string): string {
  const own = path.join(root, 'node_modules/own');
  const entry = path.join(own, 'dist/executor.js');
  packageIn(own);
  mkdirSync(path.dirname(entry));
  writeFileSync(entry, `import { answer } from '${SCOPE}/${PACKAGE}';\nprocess.stdout.write(\`\${answer}\`);\n`);
  return execFileSync(process.execPath, [...executorFlags(pathToFileURL(entry), tempFolder()), entry], { encoding: 'utf8', stdio: 'pipe' });
}

describe('executorFlags', () => {
  it('lets an executor import its dependency from beside it', () => {
    const root = tempFolder();
    packageIn(path.join(root, 'node_modules', SCOPE, PACKAGE));
    expect(importedIn(root)).toBe('42');
  });

  it.each([
    ['the package', path.join(SCOPE, PACKAGE)],
    ['its whole scope', SCOPE],
  ])('lets an executor import its dependency where %s is a link', (_what, linked) => {
    const [root, store] = [tempFolder(), tempFolder()];
    packageIn(path.join(store, SCOPE, PACKAGE));
    mkdirSync(path.dirname(path.join(root, 'node_modules', linked)), { recursive: true });
    symlinkSync(path.join(store, linked), path.join(root, 'node_modules', linked));
    expect(importedIn(root)).toBe('42');
  });
});
