import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { BoundedCache, FileTreeStore, SqliteStore } from '../../../sdk/dist/index.js';
import { openBareStore } from '../peers/bare-store.mjs';
import { figure, percentile, rounds } from '../statistics.mjs';
import { timeCount } from '../time-calls.mjs';
import { diskFigure } from './disk.mjs';

// the one that the cache has inside
const { LRUCache } = createRequire(path.resolve(import.meta.dirname, '../../../sdk/package.json'))('lru-cache');
const SMALL_BYTES = 200;
const LARGE_MIB = 100;
const HITS = 1_000_000;

/** The peer is the same statement on `node:sqlite` in the thread of its caller, each write a synced commit of its own, without checksums. */
export async function storeFigures({ quick }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-bench-'));
  const stores = {
    sqlite: await SqliteStore.open(path.join(folder, 'store.db')),
    files: await FileTreeStore.open(path.join(folder, 'files')),
    peer: openBareStore(path.join(folder, 'bare.db')),
  };
  try {
    return [
      diskFigure({ quick }),
      ...(await smallValues(stores, quick)),
      ...(await largeValue(stores, quick)),
      ...(await cacheHits(quick)),
    ];
  } finally {
    for (const store of Object.values(stores)) await store.close();
    rmSync(folder, { recursive: true });
  }
}

async function smallValues(stores, quick) {
  const figures = [];
  for (const [what, concurrency, count] of [
    ['write of 200 bytes, synced', 1, 400],
    ['write of 200 bytes, synced', 64, 4_000],
    ['read of 200 bytes', 1, 10_000],
  ]) {
    let id = 0;
    const pathOf = () => `dw://internal/bench/${(id += 1) % 1_000}`;
    const call = (store) => (what.startsWith('write') ? () => store.write(pathOf(), small(id)) : () => store.read(pathOf()));
    const measure = (store) => () => timeCount(call(store), { concurrency, count: quick ? count / 10 : count });
    const values = await rounds(quick ? 1 : 5, Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, measure(store)])));
    for (const [name, runs] of Object.entries(values)) {
      const title = `store, ${what} ×${concurrency}: ${TITLES[name]}`;
      figures.push(
        figure(
          `${title}, per second`,
          '/s',
          name === 'peer' ? 'none' : 'higher',
          runs.map((run) => run.perSecond),
        ),
      );
      figures.push(
        figure(
          `${title}, CPU each`,
          'µs',
          name === 'peer' ? 'none' : 'lower',
          runs.map((run) => run.cpuUs),
        ),
      );
    }
  }
  return figures;
}

/** Always another one: SQLite writes nothing where the same stands already. */
function small(id) {
  const data = new Uint8Array(SMALL_BYTES);
  new DataView(data.buffer).setUint32(0, id);
  return data;
}

async function largeValue(stores, quick) {
  const large = { ...stores, written: { writeStream: (to) => stores.sqlite.write(to, new Uint8Array(LARGE_MIB * 2 ** 20)) } };
  const measures = Object.fromEntries(Object.entries(large).map(([name, store]) => [name, () => delayOf(store)]));
  const values = await rounds(quick ? 1 : 5, measures);
  return Object.entries(values).flatMap(([name, runs]) => {
    const title = `store, ${LARGE_MIB} MiB written: ${TITLES[name]}`;
    const better = name === 'peer' ? 'none' : 'lower';
    return [
      figure(
        `${title}, p99 of the event loop's delay`,
        'ms',
        better,
        runs.map((run) => run.p99Ms),
      ),
      figure(
        `${title}, longest delay`,
        'ms',
        better,
        runs.map((run) => run.maxMs),
      ),
      figure(
        `${title}, time`,
        'ms',
        better,
        runs.map((run) => run.tookMs),
      ),
    ];
  });
}

async function delayOf(store) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  // the monitor measures from its first sample on
  await new Promise((resolve) => setTimeout(resolve, 20));
  const started = performance.now();
  await store.writeStream('dw://internal/bench/large', mebibytes(LARGE_MIB));
  const tookMs = performance.now() - started;
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return { tookMs, p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 };
}

async function* mebibytes(count) {
  for (let index = 0; index < count; index += 1) yield new Uint8Array(2 ** 20);
}

async function cacheHits(quick) {
  const keys = Array.from({ length: 1_000 }, (_, index) => `key ${index}`);
  const ours = new BoundedCache({ maxEntries: keys.length });
  const peer = new LRUCache({ max: keys.length });
  for (const key of keys) {
    await ours.set(key, { key });
    peer.set(key, { key });
  }
  const values = await rounds(quick ? 2 : 10, { ours: () => nsOfHit(ours, keys), peer: () => nsOfHit(peer, keys) });
  // the first round is of code that is not compiled yet
  const [oursNs, peerNs] = [values.ours.slice(1), values.peer.slice(1)];
  const ratio = `${(percentile(oursNs, 0.5) / percentile(peerNs, 0.5)).toFixed(2)} of the peer`;
  return [
    figure('cache: a hit of BoundedCache', 'ns', 'lower', oursNs, ratio),
    figure('cache: peer, bare lru-cache', 'ns', 'none', peerNs),
  ];
}

function nsOfHit(cache, keys) {
  let found = 0;
  const started = performance.now();
  for (let hit = 0; hit < HITS; hit += 1) if (cache.get(keys[hit % keys.length]) !== undefined) found += 1;
  if (found !== HITS) throw new Error(`${HITS - found} keys were not in the cache`);
  return ((performance.now() - started) * 1e6) / HITS;
}

const TITLES = {
  sqlite: 'SqliteStore',
  files: 'FileTreeStore',
  peer: 'peer, bare node:sqlite',
  written: 'SqliteStore, as one array',
};
