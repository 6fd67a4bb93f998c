import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { launchBrowser } from '../../browser.mjs';
import { findBrowser, HOW_TO_GET_ONE } from '../../find-browser.mjs';
import { root, withHost } from '../../with-host.mjs';
import { figure, percentile } from '../statistics.mjs';

const BUILT = path.join(root, 'host/dist/dashboard');
const EVENTS_PER_SECOND = 100;
/** A page that has not drawn anything by then is broken. */
const DRAWN_WITHIN_MS = 20_000;

/** The page in the system's Chromium, without a window: what it weighs, when it shows what is, and how it bears many events. */
export async function pageFigures({ quick }) {
  if (findBrowser() === undefined) {
    console.error(`  no browser is here, nothing of the page is measured: ${HOW_TO_GET_ONE}`);
    return [];
  }
  const plugins = { compute: { from: path.join(root, 'plugins/compute') }, bench: { from: path.join(root, 'tools/bench/plugin') } };
  return withHost(
    async (host) => {
      const browser = await launchBrowser();
      try {
        const loads = [];
        for (let round = 0; round < (quick ? 2 : 10); round += 1) loads.push(await load(browser, host.url));
        const flood = await underEvents(browser, host, quick ? 1_000 : 10_000);
        return [
          ...weights(loads),
          ...figuresOf(flood),
          figure(
            'page: cold start to first live data',
            'ms',
            'lower',
            loads.map(({ drawnMs }) => drawnMs),
            COLD,
          ),
        ];
      } finally {
        await browser.close();
      }
    },
    { plugins },
  );
}

const COLD = 'empty cache, from the start of the navigation to the first frame with the charts of a subsystem, connected to the events';

function weights(loads) {
  const assets = path.join(BUILT, 'assets');
  const names = readdirSync(assets);
  const html = readFileSync(path.join(BUILT, 'index.html')).length;
  const sum = (ending) => {
    const fitting = names.filter((name) => (ending === '' ? !/\.(gz|br)$/.test(name) : name.endsWith(ending)));
    return fitting.reduce((total, name) => total + readFileSync(path.join(assets, name)).length, html);
  };
  const plain = names
    .filter((name) => /\.(js|css)$/.test(name))
    .map((name) => gzipSync(readFileSync(path.join(assets, name)), { level: 9 }).length);
  const kB = (bytes) => [bytes / 1000];
  return [
    figure('page: all of it, as it is', 'kB', 'lower', kB(sum(''))),
    figure('page: all of it, gzip', 'kB', 'lower', kB(sum('.gz'))),
    figure('page: all of it, brotli', 'kB', 'lower', kB(sum('.br')), 'what browsers are sent'),
    figure(
      'page: scripts and styles, gzip',
      'kB',
      'lower',
      kB(plain.reduce((total, bytes) => total + bytes, 0)),
      'at most 60, a test says',
    ),
    figure(
      'page: requests to first live data',
      '',
      'lower',
      loads.map(({ requests }) => requests),
      'the streams of events among them, the second for what the charts show of before',
    ),
  ];
}

/** One visit of a browser that has never been there. */
async function load(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    let requests = 0;
    page.on('request', () => (requests += 1));
    await page.addInitScript(watchForData);
    await page.goto(url);
    await page.waitForFunction(() => globalThis.firstDataMs !== undefined, undefined, { timeout: DRAWN_WITHIN_MS });
    return { requests, drawnMs: await page.evaluate(() => globalThis.firstDataMs) };
  } finally {
    await context.close();
  }
}

/** Runs in the page: looks in every frame. `performance.now()` counts from the start of the navigation. */
function watchForData() {
  const look = () => {
    const isLive = document.querySelector('[role=status]')?.textContent === 'live';
    if (isLive && document.querySelector('.subsystem canvas') !== null) globalThis.firstDataMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function underEvents(browser, host, durationMs) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(host.url);
    await page.locator('.subsystem canvas').first().waitFor();
    const devtools = await context.newCDPSession(page);
    const usedBytes = async () => {
      await devtools.send('HeapProfiler.collectGarbage');
      return (await devtools.send('Runtime.getHeapUsage')).usedSize;
    };
    const publish = (ms) => host.call('bench.publish', { subsystem: 'compute.wasm', perSecond: EVENTS_PER_SECOND, durationMs: ms });
    await publish(500); // what is made once is there then
    const before = await usedBytes();
    const [frames, published] = await Promise.all([page.evaluate(countFrames, durationMs), publish(durationMs)]);
    return { ...frames, published: published.count / (durationMs / 1000), grownBytes: (await usedBytes()) - before };
  } finally {
    await context.close();
  }
}

/** Runs in the page. */
async function countFrames(durationMs) {
  let longTasks = 0;
  const observer = new PerformanceObserver((list) => (longTasks += list.getEntries().length));
  observer.observe({ type: 'longtask' });
  const times = [];
  await new Promise((resolve) => {
    const frame = (at) => {
      times.push(at);
      if (at - times[0] < durationMs) requestAnimationFrame(frame);
      else resolve();
    };
    requestAnimationFrame(frame);
  });
  observer.disconnect();
  return { gaps: times.slice(1).map((at, index) => at - times[index]), longTasks };
}

function figuresOf({ gaps, longTasks, published, grownBytes }) {
  const seconds = gaps.reduce((sum, gap) => sum + gap, 0) / 1000;
  const title = `page, ${EVENTS_PER_SECOND} events a second`;
  return [
    figure(
      `${title}: frames per second`,
      '/s',
      'higher',
      [gaps.length / seconds],
      `${Math.round(published)} events a second came, ${seconds.toFixed(0)} s`,
    ),
    figure(`${title}: frame, p99`, 'ms', 'lower', [percentile(gaps, 0.99)]),
    figure(`${title}: long tasks`, '', 'lower', [longTasks], 'of more than 50 ms'),
    figure(`${title}: memory grown`, 'MiB', 'lower', [grownBytes / 2 ** 20], 'heap after garbage collection, end against beginning'),
  ];
}
