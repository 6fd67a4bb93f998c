import os from 'node:os';
import path from 'node:path';
import { root, withHost } from '../../with-host.mjs';
import { openWorkerPool } from '../peers/worker-pool.mjs';
import { ADD, CALL, putSample } from '../sample-module.mjs';
import { figure, rounds } from '../statistics.mjs';
import { timeCalls } from '../time-calls.mjs';

/** Ours runs in a process of its own, with checks, deadline and limits; the peer is the same call on bare worker threads. */
export async function inProcessFigures({ quick }) {
  const plugins = { compute: { from: path.join(root, 'plugins/compute') }, bench: { from: path.join(root, 'tools/bench/plugin') } };
  return withHost(
    async ({ url }) => {
      await putSample(url);
      const pool = openWorkerPool(ADD, os.availableParallelism());
      try {
        return await measureAll({ url, pool, quick });
      } finally {
        await pool.close();
      }
    },
    { plugins },
  );
}

async function measureAll({ url, pool, quick }) {
  const figures = [];
  for (const concurrency of [1, 8, 64]) {
    const how = { concurrency, durationMs: quick ? 500 : 4_000 };
    const values = await rounds(quick ? 1 : 5, {
      ours: () => callInside(url, how),
      peer: () => timeCalls(() => pool.call(CALL.export, CALL.args), how),
    });
    for (const [who, title, low, high] of [
      ['ours', 'compute.invoke', 'lower', 'higher'],
      ['peer', 'peer, bare worker threads', 'none', 'none'],
    ]) {
      const of = (key) => values[who].map((value) => value[key]);
      figures.push(figure(`in process ×${concurrency}: ${title}, per second`, '/s', high, of('perSecond')));
      figures.push(figure(`in process ×${concurrency}: ${title}, p50`, 'ms', low, of('p50Ms')));
      figures.push(figure(`in process ×${concurrency}: ${title}, p99`, 'ms', low, of('p99Ms')));
    }
  }
  return figures;
}

async function callInside(url, how) {
  const answer = await fetch(`${url}/v1/operations/bench.call`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ operation: 'compute.invoke', input: CALL, ...how }),
  });
  if (!answer.ok) throw new Error(`bench.call answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
