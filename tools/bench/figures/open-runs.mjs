import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { withFlowHost } from '../flow-host.mjs';
import { openPeer } from '../peers/open-peer.mjs';
import { memoryOf } from '../processes.mjs';
import { figure, rounds } from '../statistics.mjs';

const CONCURRENCY = 100;
const LIMIT_MS = 120_000;

/** Runs that have not ended: what they cost while they wait, and how soon a host that was killed goes on with them. */
export async function openRunFigures({ quick }) {
  const count = quick ? 1_000 : 10_000;
  const values = await rounds(quick ? 1 : 3, {
    waiting: () => withFlowHost((host, { start }) => waitingRuns(host, { start, count, restMs: quick ? 500 : 5_000 })),
    active: () => withFlowHost((host, place) => activeRuns(host, { ...place, count }), { maxQueueDepth: 2 * count }),
    peer: () => ofPeer(count),
  });
  const of = (who, key) => values[who].map((value) => value[key]);
  const many = count.toLocaleString('en-US');
  const waiting = `workflow, ${many} waiting`;
  const restart = `workflow, restart with ${many} open`;
  return [
    figure(`${waiting}: to accept them, all`, 's', 'lower', of('waiting', 'acceptedSeconds'), `${CONCURRENCY} callers, each durable`),
    // a difference near nothing, of either sign, cannot be compared by percent
    figure(
      `${waiting}: host over itself at rest, PSS more`,
      'MiB',
      'none',
      of('waiting', 'pssMiB'),
      'after a garbage collection and a rest',
    ),
    figure(`${waiting}: host over itself at rest, heap more`, 'MiB', 'lower', of('waiting', 'heapMiB')),
    figure(`${waiting}: whole host, PSS`, 'MiB', 'lower', of('waiting', 'wholeMiB'), `after ${(2 * count).toLocaleString('en-US')} others`),
    figure(`${waiting}: killed, exec to ready`, 'ms', 'lower', of('waiting', 'readyMs')),
    figure(`${waiting}: exec to the end of a run that was signalled`, 'ms', 'lower', of('waiting', 'resumedMs')),
    figure(`${restart}: killed, exec to ready`, 'ms', 'lower', of('active', 'readyMs')),
    figure(`${restart}: exec to the first stage, resumed`, 'ms', 'lower', of('active', 'resumedMs')),
    figure(`${restart}: exec to the end of all`, 's', 'lower', of('active', 'allSeconds'), 'three stages each'),
    figure(`${waiting}: peer, bare SQLite, all`, 's', 'none', of('peer', 'acceptedSeconds'), 'kept as promises in memory'),
    figure(`${waiting}: peer, bare SQLite, PSS more`, 'MiB', 'none', of('peer', 'pssMiB')),
    figure(`${waiting}: peer, bare SQLite, PSS`, 'MiB', 'none', of('peer', 'wholeMiB')),
    figure(`${restart}: peer, bare SQLite, resumed`, 'ms', 'none', of('peer', 'resumedMs')),
  ];
}

async function waitingRuns(host, { start, count, restMs }) {
  // a process keeps some of the memory it once worked with; what runs that wait cost is seen only over that
  await host.call('bench.workflows', { name: 'three', concurrency: CONCURRENCY, count: 2 * count });
  const before = await settled(host, restMs);
  const { tookMs, first } = await host.call('bench.start', { name: 'wait', concurrency: CONCURRENCY, count });
  const after = await settled(host, restMs);
  await host.stop('SIGKILL');
  const execAt = performance.now();
  const again = await start();
  const readyMs = performance.now() - execAt;
  await again.call('workflow.signal', { id: first, name: 'go', payload: {} });
  await endOf(again, first);
  return {
    acceptedSeconds: tookMs / 1000,
    pssMiB: after.pssMiB - before.pssMiB,
    wholeMiB: after.pssMiB,
    heapMiB: after.heapMiB - before.heapMiB,
    readyMs,
    resumedMs: performance.now() - execAt,
  };
}

/** Some of them execute when the host is killed, all others are ready to. */
async function activeRuns(host, { folder, start, count }) {
  await host.call('bench.start', { name: 'held', concurrency: CONCURRENCY, count });
  await host.stop('SIGKILL');
  writeFileSync(path.join(folder, 'RELEASE'), '');
  const execAt = Date.now();
  const again = await start();
  const readyMs = Date.now() - execAt;
  const until = execAt + LIMIT_MS;
  while (await hasOpenRuns(again)) {
    if (Date.now() > until) throw new Error(`not all of ${count} runs had ended ${LIMIT_MS} ms after the restart`);
    await rest(50);
  }
  if (!existsSync(path.join(folder, 'FIRST'))) throw new Error('no stage ran after the restart');
  return {
    readyMs,
    resumedMs: Number(readFileSync(path.join(folder, 'FIRST'), 'utf8')) - execAt,
    allSeconds: (Date.now() - execAt) / 1000,
  };
}

async function hasOpenRuns(host) {
  for (const status of ['running', 'queued', 'waiting']) {
    const { items } = await host.call('workflow.list', { status, limit: 1 });
    if (items.length > 0) return true;
  }
  return false;
}

async function endOf(host, id) {
  const run = await host.call('workflow.wait', { id, timeoutMs: LIMIT_MS });
  if (run.status !== 'completed') throw new Error(`Run ${id} is ${run.status}: ${JSON.stringify(run.error)}`);
}

async function settled(host, restMs) {
  const { heapUsedBytes } = await host.call('bench.collect', {});
  await rest(restMs);
  return { ...memoryOf(host.pid), heapMiB: heapUsedBytes / 2 ** 20 };
}

async function ofPeer(count) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-peer-'));
  let peer = await openPeer('bare-sqlite', { folder });
  try {
    await peer.ask('measure', { concurrency: CONCURRENCY, count: 2_000 });
    const before = memoryOf(peer.pid);
    const { tookMs } = await peer.ask('wait', { count });
    const after = memoryOf(peer.pid);
    await peer.kill();
    const execAt = performance.now();
    peer = await openPeer('bare-sqlite', { folder });
    const resumed = await peer.ask('resume', {});
    const resumedMs = performance.now() - execAt;
    if (resumed.count !== count) throw new Error(`the peer found ${resumed.count} of ${count} runs`);
    return { acceptedSeconds: tookMs / 1000, pssMiB: after.pssMiB - before.pssMiB, wholeMiB: after.pssMiB, resumedMs };
  } finally {
    await peer?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function rest(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
