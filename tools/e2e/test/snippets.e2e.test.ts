import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type Block, blocksOf } from '../../documents/blocks.mjs';
import { allDocuments, documentText, fileBlocksOf } from './document-blocks.js';
import { cleanEnv, REPOSITORY, runBellows } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const TSC = path.join(REPOSITORY, 'node_modules/typescript/bin/tsc');
const COMPILER = fileBlocksOf(documentText('docs/reference/workflows.md')).get('tsconfig.json')!;
const CONFIG_KEYS = ['host', 'governor', 'tenants', 'plugins'];

const TYPESCRIPT = standing('ts');
const YAML = standing('yaml');

/** A folder from where relative paths of the documents lead to what they mean in a clone. */
function cloneOfLinks(): string {
  const folder = tempFolder('bellows-snippets');
  for (const name of ['node_modules', 'docs', 'plugins']) symlinkSync(path.join(REPOSITORY, name), path.join(folder, name));
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
  return folder;
}

describe('TypeScript that stands in a document', () => {
  let output: string;

  beforeAll(() => {
    const folder = cloneOfLinks();
    mkdirSync(path.join(folder, 'flows'));
    for (const [name, { text }] of TYPESCRIPT) writeFileSync(path.join(folder, 'flows', `${fileNameOf(name)}.ts`), `${text}\nexport {};\n`);
    writeFileSync(path.join(folder, 'flows/wrong.ts'), "import { noSuchThing } from '@bellows/sdk';\nnoSuchThing();\n");
    writeFileSync(path.join(folder, 'tsconfig.json'), COMPILER);
    const { stdout, stderr } = spawnSync(process.execPath, [TSC, '-p', '.', '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
      env: cleanEnv(),
    });
    output = stdout + stderr;
  });

  it('is looked at by the compiler, which finds what is wrong', () => {
    expect(output).toMatch(/^flows\/wrong\.ts\(1,10\): error TS2305/m);
  });

  it.each(TYPESCRIPT)('compiles: %s', (name) => {
    expect(output.split('\n').filter((line) => line.startsWith(`flows/${fileNameOf(name)}.ts`))).toEqual([]);
  });
});

describe('YAML that stands in a document', () => {
  it.each(YAML)('is a configuration or a workflow that the host accepts: %s', async (_name, { text }) => {
    expect(await checkYaml(text)).toMatchObject({ code: 0, stderr: '' });
  });

  it('is refused when it is wrong', async () => {
    expect(await checkYaml('plugins:\n  greeter: { from: ./docs/examples/greeter, config: { salutatoin: Hi } }\n')).toMatchObject({
      code: 2,
    });
    expect(await checkYaml('name: a\nstages:\n  - { name: b, timre: 5 }\n')).toMatchObject({ code: 2 });
    await expect(checkYaml('stage: alone\n')).rejects.toThrow('neither');
  });
});

/** Blocks that are neither run nor saved, and whose document does not say that nothing can try them. */
function standing(language: string): [string, Block][] {
  return allDocuments().flatMap((file) =>
    blocksOf(documentText(file))
      .filter((block) => block.language === language && !block.isGenerated && block.reason === undefined && block.marks.file === undefined)
      .map((block): [string, Block] => [`${file}:${block.line}`, block]),
  );
}

async function checkYaml(text: string) {
  const folder = cloneOfLinks();
  const keys = Object.keys(parse(text));
  if (keys.some((key) => CONFIG_KEYS.includes(key))) writeFileSync(path.join(folder, 'bellows.yaml'), text);
  else if (keys.includes('stages')) {
    writeFileSync(path.join(folder, 'flow.yaml'), text);
    const workflow = { from: '@bellows/plugin-workflow', config: { definitions: ['flow.yaml'] } };
    writeFileSync(path.join(folder, 'bellows.yaml'), JSON.stringify({ plugins: { workflow } }));
  } else throw new Error(`It is neither a configuration (${CONFIG_KEYS.join(', ')}) nor a workflow (stages), so say why nothing tries it`);
  return runBellows(['check'], { cwd: folder });
}

function fileNameOf(name: string): string {
  return name.replaceAll(/[^\w]/g, '-');
}
