import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { executorFlags } from '../src/executor-flags.js';

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'bellows-flags-')));
  made.push(folder);
  return folder;
}

/** A package whose program prints what `read` (absolute) holds, or why it cannot. */
function packageIn(folder: string, read: string): void {
  mkdirSync(path.join(folder, 'dist/executor'), { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(path.join(folder, 'dist/answer.js'), 'export const answer = 42;\n');
  const lines = [
    "import { readFileSync } from 'node:fs';",
    "import { answer } from '../answer.js';",
    // a number by itself would be coloured where colours are forced
    `const readOrCode = () => { try { return readFileSync(${JSON.stringify(read)}, 'utf8'); } catch ({ code }) { return code; } };`,
    "console.log(answer + ' ' + readOrCode());",
  ];
  writeFileSync(path.join(folder, 'dist/executor/main.js'), lines.join('\n'));
}

/** What that program prints with the flags of an executor. */
function printed(folder: string, modulesFolder: string): string {
  const entry = path.join(folder, 'dist/executor/main.js');
  const flags = executorFlags(pathToFileURL(entry), modulesFolder);
  return execFileSync(process.execPath, [...flags, entry], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

describe('executorFlags', () => {
  it('lets an executor read its own package and the modules', () => {
    const [root, modules] = [tempFolder(), tempFolder()];
    writeFileSync(path.join(modules, 'one.wasm'), 'a module');
    packageIn(root, path.join(modules, 'one.wasm'));
    expect(printed(root, modules)).toBe('42 a module');
  });

  it('lets an executor read its own package where that is a link', () => {
    const [root, store] = [tempFolder(), tempFolder()];
    packageIn(path.join(store, 'own'), path.join(store, 'own/package.json'));
    mkdirSync(path.join(root, 'node_modules'));
    symlinkSync(path.join(store, 'own'), path.join(root, 'node_modules/own'));
    expect(printed(path.join(root, 'node_modules/own'), tempFolder())).toBe('42 {"type":"module"}');
  });

  it('lets an executor read nothing beside its package', () => {
    const root = tempFolder();
    writeFileSync(path.join(root, 'beside'), 'a secret');
    packageIn(path.join(root, 'own'), path.join(root, 'beside'));
    expect(printed(path.join(root, 'own'), tempFolder())).toBe('42 ERR_ACCESS_DENIED');
  });
});
