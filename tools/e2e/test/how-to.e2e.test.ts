import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { documentText, fileBlocksOf } from './document-blocks.js';
import { linkModules, runNode } from './repository-copy.js';
import { REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const LEAK_GUARD = path.join(REPOSITORY, 'tools/leak-guard/node-test.mjs');
const TEST_PAGES = [
  {
    document: 'docs/how-to/test-a-plugin.md',
    names: ['pulse.ts', 'call.test.ts', 'time.test.ts', 'reload.test.ts', 'check.test.ts'],
    passes: 7,
  },
  { document: 'docs/how-to/choose-a-store.md', names: ['store.test.ts'], passes: 1 },
];

describe.each(TEST_PAGES)('$document', ({ document, names, passes }) => {
  const page = followed(document);

  it('has the files that it speaks of', () => {
    expect(page.names).toEqual(names);
  });

  it('has tests that pass in the test runner of Node.js, and leave nothing open', () => {
    const { status, output } = runNode(['--import', LEAK_GUARD, '--test'], page.folder());
    expect([status, output]).toEqual([0, expect.stringContaining(`pass ${passes}`)]);
  });

  it('has the right types', () => {
    expect(typesOf(page.folder())).toEqual({ status: 0, output: '' });
  });
});

describe('docs/how-to/bridge-the-bus.md', () => {
  const page = followed('docs/how-to/bridge-the-bus.md');

  it('has two sides that understand each other, and says what they print', () => {
    const { status, output } = runNode(['main.ts'], page.folder());
    expect(status).toBe(0);
    expect(documentText('docs/how-to/bridge-the-bus.md')).toContain(`It prints \`${output.trim()}\`.`);
  });

  it('has the right types', () => {
    expect(typesOf(page.folder())).toEqual({ status: 0, output: '' });
  });
});

/** The files of a page in a folder of their own, where the two packages are installed. */
function followed(document: string) {
  const files = fileBlocksOf(documentText(document));
  let folder: string;
  beforeAll(() => {
    folder = tempFolder('bellows-how-to');
    // what installing the two packages would leave
    linkModules(folder);
    for (const name of ['sdk', 'host']) symlinkSync(path.join(REPOSITORY, name), path.join(folder, 'node_modules/@bellows', name));
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
  });
  return { names: [...files.keys()], folder: () => folder };
}

function typesOf(folder: string) {
  cpSync(path.join(REPOSITORY, 'tsconfig.base.json'), path.join(folder, 'tsconfig.base.json'));
  const compilerOptions = { composite: false, noEmit: true, declaration: false, declarationMap: false, allowImportingTsExtensions: true };
  writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: './tsconfig.base.json', compilerOptions, include: ['*.ts'] }),
  );
  return runNode(['node_modules/typescript/bin/tsc', '-p', '.'], folder);
}
