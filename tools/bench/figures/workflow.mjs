import { withFlowHost } from '../flow-host.mjs';
import { openPeer } from '../peers/open-peer.mjs';
import { figure, rounds } from '../statistics.mjs';
import { diskFigure } from './disk.mjs';
import { openRunFigures } from './open-runs.mjs';

/** How many at once, rounds, and how many workflows each measures in one: about as long for each, so that all see the same machine. */
const SIZES = [
  { concurrency: 1, rounds: 5, counts: { ours: 2_000, 'bare SQLite': 2_000, DBOS: 300, BullMQ: 800 } },
  { concurrency: 100, rounds: 5, counts: { ours: 20_000, 'bare SQLite': 4_000, DBOS: 1_500, BullMQ: 5_000 } },
  { concurrency: 1_000, rounds: 3, counts: { ours: 100_000, 'bare SQLite': 5_000, DBOS: 3_000, BullMQ: 10_000 } },
];
const QUICK_SIZES = [
  { concurrency: 1, rounds: 1, counts: { ours: 100, 'bare SQLite': 100, DBOS: 30, BullMQ: 50 } },
  { concurrency: 100, rounds: 1, counts: { ours: 500, 'bare SQLite': 200, DBOS: 100, BullMQ: 200 } },
  { concurrency: 1_000, rounds: 1, counts: { ours: 2_000, 'bare SQLite': 1_000, DBOS: 1_000, BullMQ: 1_000 } },
];

/**
 * Three stages that do nothing, each durable before the next one begins, started and awaited in a closed loop in the process that runs
 * them. `software` is the folder with what peers need that is no part of this project; without it only our own peer is measured.
 */
export async function workflowFigures({ quick, software }) {
  const peers = await openPeers(software);
  try {
    const figures = await withFlowHost(async (host) => {
      const found = [];
      for (const size of quick ? QUICK_SIZES : SIZES) found.push(...(await figuresOf(size, { host, peers })));
      return found;
    });
    return [await diskFigure({ quick }), ...figures, ...(await openRunFigures({ quick }))];
  } finally {
    for (const peer of peers.values()) await peer.close();
  }
}

async function openPeers(software) {
  const wanted = [['bare SQLite', 'bare-sqlite']];
  if (software !== undefined) wanted.push(['DBOS', 'dbos'], ['BullMQ', 'bullmq']);
  const peers = new Map();
  for (const [name, module] of wanted) {
    const peer = await openPeer(module, { software });
    if (peer) peers.set(name, peer);
  }
  return peers;
}

async function figuresOf({ concurrency, rounds: count, counts }, { host, peers }) {
  const measures = { ours: () => host.call('bench.workflows', { name: 'three', concurrency, count: counts.ours }) };
  for (const [name, peer] of peers) measures[name] = () => peer.ask('measure', { concurrency, count: counts[name] });
  const values = await rounds(count, measures);
  return Object.keys(measures).flatMap((name) => {
    const of = (key) => values[name].map((value) => value[key]);
    const ours = name === 'ours';
    const title = `workflow ×${concurrency}: ${ours ? 'three stages' : `peer, ${name}`}`;
    return [
      figure(`${title}, per second`, '/s', ours ? 'higher' : 'none', of('perSecond'), ours ? `${counts.ours} in each round` : undefined),
      figure(`${title}, p50`, 'ms', ours ? 'lower' : 'none', of('p50Ms')),
      figure(`${title}, p99`, 'ms', ours ? 'lower' : 'none', of('p99Ms')),
      figure(`${title}, CPU each`, 'µs', ours ? 'lower' : 'none', of('cpuUs')),
    ];
  });
}
