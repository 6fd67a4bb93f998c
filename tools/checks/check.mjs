#!/usr/bin/env node
// `npm run check`: what no compiler says. Each check prints one line, and what is wrong below it; 1 when anything is.
//   --only a,b   some checks by name      --root DIR   another tree (the tests of these checks use it)
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { documentBlocks } from './document-block-check.mjs';
import { documentedCommands, relativeLinks } from './document-checks.mjs';
import { errorCodes } from './error-code-check.mjs';
import { packages } from './package-checks.mjs';
import { generatedFiles, layers } from './repository-checks.mjs';
import { fileLength, machineWords, names, unfinishedMarks } from './source-checks.mjs';

/** A check answers its problems: each a line that says where and what. */
const CHECKS = {
  layers: ['each layer has its border, and no import crosses one', layers],
  marks: ['nothing is marked as unfinished', unfinishedMarks],
  length: ['no source file is longer than 400 lines', fileLength],
  names: ['no folder or file is called utils, common, core, lib, helpers or types', names],
  machine: ['no path or host of somebody’s machine', machineWords],
  codes: ['each error code that is thrown has a text', errorCodes],
  links: ['each relative link in the documents leads somewhere', relativeLinks],
  commands: ['each command in the documents exists', documentedCommands],
  blocks: ['each block of the documents is tried, or says why not', documentBlocks],
  packages: ['each package would be published as it is meant', packages],
  generated: ['the generated files are up to date', generatedFiles],
};

const { values } = parseArgs({ options: { only: { type: 'string' }, root: { type: 'string' } } });
const root = path.resolve(values.root ?? path.join(import.meta.dirname, '../..'));
const chosen = values.only?.split(',') ?? Object.keys(CHECKS);
const unknown = chosen.filter((name) => !(name in CHECKS));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are ${Object.keys(CHECKS).join(', ')}`);
  process.exit(2);
}

const tree = { root, files: listFiles(root) };
let failed = 0;
for (const name of chosen) {
  const [text, check] = CHECKS[name];
  const started = performance.now();
  const problems = await check(tree);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}: ${text} (${seconds} s)`);
  for (const problem of problems) console.log(`       ${problem}`);
  if (problems.length > 0) failed += 1;
}
console.log(`${chosen.length - failed} of ${chosen.length} checks passed`);
process.exitCode = failed > 0 ? 1 : 0;

/** What git knows or would add; where there is no git, every file outside of the folders git ignores. */
function listFiles(folder) {
  try {
    const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
    const names = execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 26 });
    return names.split('\0').filter((name) => name !== '' && existsSync(path.join(folder, name)));
  } catch {
    const IGNORED = /(^|\/)(node_modules|dist|\.git|\.nx|\.node|coverage)(\/|$)/;
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
      .filter((name) => !IGNORED.test(name));
  }
}
