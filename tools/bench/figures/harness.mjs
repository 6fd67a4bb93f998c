import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { root, withHost } from '../../with-host.mjs';
import { cpuOfEndedMs, cpuWithEndedMs } from '../processes.mjs';
import { git, makeRepository } from '../sample-repository.mjs';
import { figure, rounds } from '../statistics.mjs';

const AGENT = path.join(root, 'plugins/harness/stub-agent/stub-agent.sh');
const BY_HAND = path.join(import.meta.dirname, '../peers/by-hand.sh');
/** What an agent does: a second of waiting, as for a model, then one file and a commit. */
const SCRIPT = 'stub: sleep=1';
const FILES = 100;
const LOOK_EVERY_MS = 200;
const run = promisify(execFile);

/** Sessions of an agent that takes a second, from the issue to the commit on the branch. No more are possible than agents × 60 a minute. */
export async function harnessFigures({ quick }) {
  const figures = [];
  for (const agents of quick ? [4, 10] : [4, 10, 30]) {
    const issues = quick ? agents : agents * 15;
    figures.push(...(await withPool(agents, (host) => figuresOf(host, { agents, issues, quick }))));
  }
  return figures;
}

async function figuresOf(host, { agents, issues, quick }) {
  const values = await rounds(quick ? 1 : 3, {
    ours: () => inRepository((place) => withHarness(host, { ...place, issues })),
    peer: () => inRepository((place) => byHand({ ...place, agents, issues })),
  });
  const of = (who, key) => values[who].map((value) => value[key]);
  const failures = (who) => `${of(who, 'failed').reduce((sum, count) => sum + count, 0)} of ${issues * values[who].length} failed`;
  const group = `harness ×${agents}`;
  const peak = `${Math.max(...of('ours', 'peak'))} at once at most`;
  return [
    figure(`${group}: sessions, per minute`, '/min', 'higher', of('ours', 'perMinute'), `${peak}; ${failures('ours')}`),
    figure(`${group}: sessions, CPU each`, 'ms', 'lower', of('ours', 'cpuMs'), 'host, agent and git'),
    figure(`${group}: peer, script by hand, per minute`, '/min', 'none', of('peer', 'perMinute'), failures('peer')),
    figure(`${group}: peer, script by hand, CPU each`, 'ms', 'none', of('peer', 'cpuMs'), 'agent and git'),
    figure(`${group}: peer, the bound, per minute`, '/min', 'none', [agents * 60], 'agents × 60 s / 1 s'),
  ];
}

function withPool(agents, use) {
  const scale = { minWorkers: agents, maxWorkers: agents, maxQueueDepth: 100_000 };
  return withHost(use, {
    governor: { subsystems: { 'harness.scale': { floor: agents, ceiling: agents, costCores: 0.01 } } },
    plugins: { harness: { from: path.join(root, 'plugins/harness'), config: { scale } } },
  });
}

async function inRepository(use) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-sessions-'));
  try {
    return await use({ folder, repo: makeRepository(path.join(folder, 'repository'), FILES) });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function withHarness(host, { repo, issues }) {
  const job = {
    repo,
    branch: 'work',
    issues: idsOf(issues).map((id) => ({ id, title: `Issue ${id}`, body: SCRIPT })),
    agent: { driver: 'plain', command: [AGENT] },
    verify: ['true'],
  };
  const cpuBefore = cpuWithEndedMs(host.pid);
  const started = performance.now();
  let peak = 0;
  const looking = setInterval(async () => {
    const { subsystems } = await host.get('/v1/status').catch(() => ({ subsystems: [] }));
    peak = Math.max(peak, subsystems.find(({ name }) => name === 'harness.scale')?.metrics.inUse ?? 0);
  }, LOOK_EVERY_MS);
  try {
    const { landed, failed } = await host.call('harness.run', job);
    const tookMs = performance.now() - started;
    for (const { issue, reason } of failed.slice(0, 3)) console.error(`  issue ${issue} failed: ${reason}`);
    return {
      ...rates({ repo, branch: 'work', issues, landed: landed.length, tookMs, usedMs: cpuWithEndedMs(host.pid) - cpuBefore }),
      peak,
    };
  } finally {
    clearInterval(looking);
  }
}

async function byHand({ folder, repo, agents, issues }) {
  const text = path.join(folder, 'issue.md');
  writeFileSync(text, `${SCRIPT}\n`);
  const worktrees = path.join(folder, 'worktrees');
  mkdirSync(worktrees);
  const cpuBefore = cpuOfEndedMs(process.pid);
  const started = performance.now();
  const running = run('xargs', ['-P', String(agents), '-I', '{}', 'sh', BY_HAND, '{}', repo, worktrees, AGENT], {
    env: { ...process.env, BELLOWS_ISSUE_TEXT: text },
  });
  running.child.stdin.end(`${idsOf(issues).join('\n')}\n`);
  const { stdout } = await running;
  const tookMs = performance.now() - started;
  const landed = stdout.split('\n').filter((line) => line.startsWith('landed ')).length;
  return rates({ repo, branch: 'main', issues, landed, tookMs, usedMs: cpuOfEndedMs(process.pid) - cpuBefore });
}

function idsOf(count) {
  return Array.from({ length: count }, (_, index) => `i${index}`);
}

/** What is on the branch counts, not what was answered. */
function rates({ repo, branch, issues, landed, tookMs, usedMs }) {
  const files = git(repo, 'ls-tree', '-r', '--name-only', branch, 'stub/').split('\n').filter(Boolean).length;
  if (files !== landed) throw new Error(`${landed} issues were said to have landed, and the branch has the work of ${files}`);
  return { perMinute: (landed / tookMs) * 60_000, cpuMs: usedMs / landed, failed: issues - landed };
}
