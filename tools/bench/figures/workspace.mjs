import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../with-host.mjs';
import { git, makeRepository } from '../sample-repository.mjs';
import { figure, percentile, rounds } from '../statistics.mjs';

const BUILT = path.join(root, 'plugins/harness/dist/git');
const FILES = 1_000;
const run = promisify(execFile);

/** A working copy for one session, made by the built plugin and by the plain command, one after the other and ten at once. */
export async function workspaceFigures({ quick }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-workspace-'));
  try {
    const ours = await openOurs(folder);
    const peer = openPlain(folder);
    const figures = [];
    for (const concurrency of [1, 10]) {
      const how = { concurrency, count: quick ? 10 : 40 };
      const values = await rounds(quick ? 1 : 3, { ours: () => create(ours, how), peer: () => create(peer, how) });
      figures.push(...figuresOf(values, concurrency));
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function figuresOf(values, concurrency) {
  return ['ours', 'peer'].flatMap((who) => {
    const better = who === 'ours' ? 'lower' : 'none';
    const title = `workspace ×${concurrency}: ${who === 'ours' ? `${FILES} files` : 'peer, git worktree add'}`;
    const of = (key) => values[who].map((value) => value[key]);
    const figures = [
      figure(`${title}, p50`, 'ms', better, of('p50Ms')),
      figure(`${title}, p99`, 'ms', better, of('p99Ms')),
      figure(`${title}, per second`, '/s', who === 'ours' ? 'higher' : 'none', of('perSecond')),
    ];
    // a failure is no figure to be compared by percent: it is named in the remark
    const failed = of('failed').reduce((sum, count) => sum + count, 0);
    figures.at(-1).note = `${failed} of ${of('asked').reduce((sum, count) => sum + count, 0)} failed`;
    return figures;
  });
}

async function openOurs(folder) {
  if (!existsSync(path.join(BUILT, 'workspaces.js'))) throw new Error(`${BUILT} has no workspaces.js: build first`);
  const { Workspaces } = await import(path.join(BUILT, 'workspaces.js'));
  const { openRepository } = await import(path.join(BUILT, 'repository.js'));
  const repository = await openRepository(makeRepository(path.join(folder, 'ours'), FILES));
  const workspaces = new Workspaces({ folder: path.join(folder, 'workspaces') });
  const base = await repository.commitOf('HEAD');
  return {
    create: (name) => workspaces.create(repository, { name, base }),
    remove: (workspace) => workspaces.remove(repository, workspace),
  };
}

function openPlain(folder) {
  const repository = makeRepository(path.join(folder, 'plain'), FILES);
  return {
    async create(name) {
      const place = path.join(folder, 'plain-workspaces', name);
      await run('git', ['worktree', 'add', '--quiet', '-b', `work/${name}`, place, 'HEAD'], { cwd: repository });
      return place;
    },
    async remove(place) {
      git(repository, 'worktree', 'remove', '--force', place);
    },
  };
}

let last = 0;

async function create(who, { concurrency, count }) {
  const latencies = [];
  const made = [];
  let left = count;
  let failed = 0;
  const drive = async () => {
    while (left > 0) {
      left -= 1;
      last += 1;
      const started = performance.now();
      try {
        made.push(await who.create(`w-${last}`));
        latencies.push(performance.now() - started);
      } catch {
        failed += 1;
      }
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, drive));
  const tookMs = performance.now() - started;
  for (const workspace of made) await who.remove(workspace);
  if (latencies.length === 0) throw new Error('not one workspace was made');
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    perSecond: (latencies.length / tookMs) * 1000,
    failed,
    asked: count,
  };
}
