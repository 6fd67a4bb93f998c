// node land-branches.mjs <repository> <folder> <prefix> <count>: lands so many issues at once on the branch "work"; ends with 0 when all did.

import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Landing } from '../../dist/git/landing.js';
import { openRepository } from '../../dist/git/repository.js';
import { AGENT_GIT_ENV } from '../../dist/git/run-git.js';
import { Workspaces } from '../../dist/git/workspaces.js';

const [repositoryPath, folder, prefix, count] = process.argv.slice(2);
const repository = await openRepository(repositoryPath);
const workspaces = new Workspaces({ folder });
// more attempts than there are landings, so that chance cannot make this fail
const landing = new Landing({ workspaces, maxAttempts: 100 });
const base = await repository.ensureBranch('work');

async function work(name) {
  const workspace = await workspaces.create(repository, { name, base });
  await writeFile(path.join(workspace.path, `${name}.txt`), name);
  const git = (...args) =>
    execFileSync('git', ['-C', workspace.path, ...args], { encoding: 'utf8', env: { ...process.env, ...AGENT_GIT_ENV } });
  git('add', '-A');
  git('commit', '-q', '-m', name);
  const request = {
    repository,
    branch: 'work',
    workspace,
    commit: git('rev-parse', 'HEAD').trim(),
    tree: git('rev-parse', 'HEAD^{tree}').trim(),
    message: `Land ${name}`,
    landOnCheckedOut: false,
  };
  return { ...request, verify: async () => ({ passed: true, message: '' }), onCandidate() {} };
}

const requests = await Promise.all(Array.from({ length: Number(count) }, (_, at) => work(`${prefix}${at}`)));
process.stdout.write('ready\n');
process.stdin.once('data', async () => {
  const results = await Promise.all(requests.map((request) => landing.land(request)));
  process.exit(results.every((result) => result.outcome === 'landed') ? 0 : 1);
});
