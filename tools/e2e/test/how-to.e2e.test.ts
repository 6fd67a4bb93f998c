import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
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
  { document: 'docs/how-to/supervise-what-you-start.md', names: ['lamp-child.ts', 'lamp.ts', 'lamp.test.ts'], passes: 2 },
  {
    document: 'docs/how-to/options-types-and-a-cache.md',
    names: ['config.ts', 'contract.ts', 'shelf.ts', 'shelf.test.ts'],
    passes: 3,
  },
];

const BRIDGE = 'docs/how-to/bridge-the-bus.md';

/** Has what installing the two packages would leave, and a folder for each page. */
let place: string;
/** What the compiler says of all pages, each in its folder. */
let faults: readonly string[];

beforeAll(() => {
  place = tempFolder('bellows-how-to');
  linkModules(place);
  for (const name of ['sdk', 'host']) symlinkSync(path.join(REPOSITORY, name), path.join(place, 'node_modules/@bellows', name));
  writeFileSync(path.join(place, 'package.json'), '{ "private": true, "type": "module" }');
  for (const document of [BRIDGE, ...TEST_PAGES.map((page) => page.document)]) {
    mkdirSync(folderOf(document));
    for (const [name, text] of fileBlocksOf(documentText(document))) writeFileSync(path.join(folderOf(document), name), text);
  }
  const wrong = folderOf('wrong.md');
  mkdirSync(wrong);
  writeFileSync(path.join(wrong, 'main.ts'), "import { noSuchThing } from '@bellows/sdk';\nnoSuchThing();\n");
  faults = faultsOfTypes();
});

it('the compiler finds what is wrong', () => {
  expect(faultsIn('wrong.md')).toEqual([expect.stringContaining('main.ts(1,10): error TS2305')]);
});

describe.each(TEST_PAGES)('$document', ({ document, names, passes }) => {
  it('has the files that it speaks of', () => {
    expect([...fileBlocksOf(documentText(document)).keys()]).toEqual(names);
  });

  it('has tests that pass in the test runner of Node.js, and leave nothing open', () => {
    const { status, output } = runNode(['--import', LEAK_GUARD, '--test'], folderOf(document));
    expect([status, output]).toEqual([0, expect.stringContaining(`pass ${passes}`)]);
  });

  it('has the right types', () => {
    expect(faultsIn(document)).toEqual([]);
  });
});

describe(BRIDGE, () => {
  it('has two sides that understand each other, and says what they print', () => {
    const { status, output } = runNode(['main.ts'], folderOf(BRIDGE));
    expect(status).toBe(0);
    expect(documentText(BRIDGE)).toContain(`It prints \`${output.trim()}\`.`);
  });

  it('has the right types', () => {
    expect(faultsIn(BRIDGE)).toEqual([]);
  });
});

function folderOf(document: string): string {
  return path.join(place, path.basename(document, '.md'));
}

function faultsIn(document: string): string[] {
  return faults.filter((line) => line.startsWith(`${path.basename(document, '.md')}/`));
}

function faultsOfTypes(): string[] {
  cpSync(path.join(REPOSITORY, 'tsconfig.base.json'), path.join(place, 'tsconfig.base.json'));
  const compilerOptions = { composite: false, noEmit: true, declaration: false, declarationMap: false, allowImportingTsExtensions: true };
  writeFileSync(
    path.join(place, 'tsconfig.json'),
    JSON.stringify({ extends: './tsconfig.base.json', compilerOptions, include: ['*/*.ts'] }),
  );
  return runNode(['node_modules/typescript/bin/tsc', '-p', '.', '--pretty', 'false'], place).output.split('\n').filter(Boolean);
}
