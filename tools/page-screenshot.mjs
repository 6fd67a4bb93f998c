#!/usr/bin/env node
// `node tools/run.mjs node tools/page-screenshot.mjs`: docs/images/page-{light,dark,narrow}.png, of a real host at real work for a minute.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { launchBrowser } from './browser.mjs';
import { doWork, openPageWorld, startJob } from './page/page-world.mjs';
import { root } from './with-host.mjs';

const FOLDER = path.join(root, 'docs/images');
const MAX_BYTES = 200_000;
/** How long the charts collect. */
const WORK_MS = 75_000;
const PICTURES = [
  { name: 'page-light', colorScheme: 'light', width: 1280, height: 1000 },
  { name: 'page-dark', colorScheme: 'dark', width: 1280, height: 1000 },
  { name: 'page-narrow', colorScheme: 'light', width: 390, height: 844 },
];

const ISSUES = Array.from({ length: 80 }, (_, index) => ({
  id: `issue-${index}`,
  title: `Mend number ${index}`,
  body: `stub: sleep=${2 + (index % 5) * 2} files=1`,
}));

const world = await openPageWorld();
const browser = await launchBrowser();
try {
  const pages = await Promise.all(PICTURES.map((picture) => open(picture)));
  await doWork(world);
  await keepBusy(world, WORK_MS);
  mkdirSync(FOLDER, { recursive: true });
  for (const [index, { name }] of PICTURES.entries()) {
    const file = path.join(FOLDER, `${name}.png`);
    await pages[index].screenshot({ path: file });
    const { size } = statSync(file);
    console.log(`${path.relative(root, file)}: ${Math.round(size / 1000)} kB`);
    if (size > MAX_BYTES) throw new Error(`${file} is larger than ${MAX_BYTES / 1000} kB`);
  }
} finally {
  await browser.close();
  await world.close();
}

async function open({ colorScheme, width, height }) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height } });
  const page = await context.newPage();
  await page.goto(world.host.url);
  await page.locator('.subsystem canvas').first().waitFor();
  return page;
}

/** Calls in waves, orders all the time, and a job of agents: enough that ceilings move. */
async function keepBusy({ host, repo }, durationMs) {
  const end = performance.now() + durationMs;
  const call = { module: 'worker', export: 'work', args: [60_000_000] };
  let orders = 0;
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    while (performance.now() < end) {
      const phase = ((end - performance.now()) / 1000) % 30;
      // few, then many, then some
      if (caller < (phase > 20 ? 2 : phase > 8 ? 8 : 4)) await host.call('compute.invoke', call);
      await pause(30 + caller * 10);
    }
  });
  const clerk = (async () => {
    while (performance.now() < end) {
      orders += 1;
      await host.call('workflow.start', { name: orders % 7 === 0 ? 'refund' : 'order', id: `order-${orders + 1}-${orders}`, input: {} });
      await pause(orders % 40 < 20 ? 120 : 450);
    }
  })();
  await startJob({ host, repo }, 'second', ISSUES);
  await Promise.all([...callers, clerk]);
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
