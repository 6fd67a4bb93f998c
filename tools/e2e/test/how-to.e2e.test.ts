import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { documentText, fileBlocksOf } from './document-blocks.js';
import { linkModules, runNode } from './repository-copy.js';
import { REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const PAGES = [
  { page: 'docs/how-to/test-a-plugin.md', names: ['pulse.ts', 'call.test.ts', 'time.test.ts', 'check.test.ts'], passes: 6 },
  { page: 'docs/how-to/choose-a-store.md', names: ['store.test.ts'], passes: 1 },
];

describe.each(PAGES)('$page', ({ page, names, passes }) => {
  const files = fileBlocksOf(documentText(page));
  let folder: string;

  beforeAll(() => {
    folder = tempFolder('bellows-how-to');
    // what installing the two packages would leave
    linkModules(folder);
    for (const name of ['sdk', 'host']) symlinkSync(path.join(REPOSITORY, name), path.join(folder, 'node_modules/@bellows', name));
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
  });

  it('has the files that it speaks of', () => {
    expect([...files.keys()]).toEqual(names);
  });

  it('has tests that pass in the test runner of Node.js', () => {
    const { status, output } = runNode(['--test'], folder);
    expect([status, output]).toEqual([0, expect.stringContaining(`pass ${passes}`)]);
  });

  it('has the right types', () => {
    cpSync(path.join(REPOSITORY, 'tsconfig.base.json'), path.join(folder, 'tsconfig.base.json'));
    const compilerOptions = { composite: false, noEmit: true, declaration: false, declarationMap: false, allowImportingTsExtensions: true };
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: './tsconfig.base.json', compilerOptions, include: ['*.ts'] }),
    );
    expect(runNode(['node_modules/typescript/bin/tsc', '-p', '.'], folder)).toEqual({ status: 0, output: '' });
  });
});
