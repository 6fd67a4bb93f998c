import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../free-port.mjs';
import { defineAll, openPageWorld, type PageWorld, putModules } from '../../page/page-world.mjs';
import { withBrowser } from './page-browser.js';
import { GREETER, type RunningHost, runBellows, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';

withBrowser('the page without its host', (browser) => {
  let world: PageWorld;
  /** Without plugins. */
  let plain: RunningHost;

  beforeAll(async () => {
    [world, plain] = await Promise.all([openPageWorld(), startHost({ config: {} })]);
    await putModules(world.host);
    await defineAll(world.host);
  });
  afterAll(() => world?.close());

  it('goes on after the last event when only the stream has ended', async () => {
    const { page, close } = await browser.open('about:blank');
    const resumed: (string | undefined)[] = [];
    let streams = 0;
    await page.route('**/v1/events?topics=*,*', async (route) => {
      const headers = await route.request().allHeaders();
      resumed.push(headers['last-event-id']);
      streams += 1;
      // the first stream ends after one event, as when a proxy gives up
      const event = { topic: 'metrics', id: 7, at: Date.now(), source: 'host', version: 1, payload: {} };
      if (streams > 1) await route.continue();
      else
        await route.fulfill({
          contentType: 'text/event-stream',
          body: `event: metrics\nid: 7\ndata: ${JSON.stringify({ ...event, payload: METRICS })}\n\n`,
        });
    });
    await page.goto(world.host.url);
    await page.getByRole('status').getByText('live').waitFor();
    // the first stream was live, too
    await until('the second stream', () => resumed.length >= 2);
    await page.getByRole('status').getByText('live').waitFor();
    expect(resumed.slice(0, 2)).toEqual([undefined, '7']);
    await close();
  });

  it('leaves connections for other tabs: after many that nobody looks at, one more shows the host live', async () => {
    const { page, close } = await browser.open(plain.url);
    await page.getByRole('status').getByText('live').waitFor();
    const hidden = await Promise.all(
      Array.from({ length: 7 }, async () => {
        const tab = await page.context().newPage();
        await tab.addInitScript(() => Object.defineProperty(document, 'hidden', { get: () => true }));
        return tab;
      }),
    );
    for (const tab of hidden) await tab.goto(plain.url);
    const last = await page.context().newPage();
    await last.goto(`${plain.url}/#/plugins`);
    await last.getByRole('status').getByText('live').waitFor();
    const states = await Promise.all(hidden.map((tab) => tab.getByRole('status').innerText()));
    expect(states.filter((state) => state === 'live').length).toBeLessThanOrEqual(3);
    await close();
  });

  it('goes on with the charts of the machine in a tab that nobody looks at', async () => {
    const { page, requests, close } = await browser.open('about:blank');
    await page.addInitScript(() => Object.defineProperty(document, 'hidden', { get: () => true }));
    await page.goto(plain.url);
    await page.getByRole('status').getByText('live').waitFor();
    const asked = () => requests.filter((url) => url.endsWith('/v1/status')).length;
    const before = asked();
    await until('two more readings of the machine', async () => asked() >= before + 2);
    await close();
  });

  it('says once why a plugin has failed', async () => {
    const message = 'the licence could not be read';
    const from = writePlugin(tempFolder('bellows-page-broken'), { id: 'broken', activate: `throw new Error('${message}');` });
    const host = await startHost({ config: { plugins: { broken: { from, required: false } } } });
    const { page, close } = await browser.open(`${host.url}/#/plugins`);
    const broken = page.getByRole('row').filter({ hasText: 'broken' });
    await broken.getByText('failed', { exact: true }).waitFor();
    expect((await broken.innerText()).split(message)).toHaveLength(2);
    await close();
  });

  describe('of a host that wants tokens', () => {
    it('says how to get in, lets in by the link, and says so again after a restart', async () => {
      const folder = tempFolder('bellows-page-tokens');
      const made = JSON.parse((await runBellows(['token', 'new', '--role', 'reader', '--name', 'eve', '--json'])).stdout) as {
        token: string;
        entry: unknown;
      };
      writeFileSync(path.join(folder, 'tokens.yaml'), JSON.stringify([made.entry]));
      const port = await freePort();
      const config = { host: { port, tokensFile: './tokens.yaml', logLevel: 'warn' }, plugins: { greeter: { from: GREETER } } };
      const first = await startHost({ folder, config });
      const { page, close } = await browser.open(first.url);
      await page.getByRole('heading', { name: 'This host wants to know who you are' }).waitFor();
      const way = await page.locator('main').innerText();
      for (const told of [`${first.url}/?token=`, 'bellows status --link']) expect(way).toContain(told);
      // a wrong link says the same, and does not stay in the address
      await page.goto(`${first.url}/?token=wrong`);
      await page.getByRole('heading', { name: 'This host wants to know who you are' }).waitFor();
      expect(page.url()).toBe(`${first.url}/`);
      // the link, opened in another tab, lets this one in, too
      const other = await page.context().newPage();
      await other.goto(`${first.url}/?token=${made.token}`);
      await other.getByRole('status').getByText('live').waitFor();
      expect(other.url()).not.toContain('token');
      await page.bringToFront();
      await page.getByRole('status').getByText('live').waitFor();
      await page.goto(`${first.url}/#/plugins`);
      await page.getByRole('row').filter({ hasText: 'greeter' }).waitFor();
      await first.stop();
      const second = await startHost({ folder, config });
      expect(second.url).toBe(first.url);
      await page.getByRole('heading', { name: 'This host wants to know who you are' }).waitFor();
      expect(await page.locator('main').innerText()).not.toContain('greeter');
      await close();
    });
  });

  it('says of a plugin that is absent that it is, and how to bring it', async () => {
    const { page, close } = await browser.open(`${plain.url}/#/workflows`);
    for (const [view, plugin] of [
      ['workflows', 'workflow'],
      ['harness', 'harness'],
      ['modules', 'compute'],
    ]) {
      await page.goto(`${plain.url}/#/${view}`);
      await page.getByText(`The plugin ${plugin} is not loaded in this host.`).waitFor();
      await page.getByText(`${plugin}: { from: "@bellows/plugin-${plugin}" }`).waitFor();
    }
    await page.goto(`${plain.url}/#/plugins`);
    await page.getByText('This host has no plugins.').waitFor();
    await page.goto(`${plain.url}/#/`);
    await page.getByText('No subsystem runs here yet.').waitFor();
    await close();
  });

  it('shows the minutes before it was opened, and says of which charts the host has kept none', async () => {
    await until('a host that has run for some seconds', async () => {
      const { machine, startedAt } = (await (await fetch(`${world.host.url}/v1/status`)).json()) as HostStatus;
      return machine.at - startedAt > 8_000;
    });
    const opened = Date.now();
    const { page, faults, close } = await browser.open(world.host.url);
    const chart = page.getByRole('region', { name: 'compute.wasm' }).getByRole('img', { name: /^Operations at once/ });
    await chart.waitFor();
    const seconds = async () => Number(/the last (\d+) s/.exec((await chart.getAttribute('aria-label')) ?? '')?.[1]);
    await until('a chart that begins before the page', async () => (await seconds()) - (Date.now() - opened) / 1000 >= 4);
    await page.getByText('since this page was opened').waitFor();
    expect(faults).toEqual([]);
    await close();
  });

  it('says when the connection is lost, tries again, and goes on with the next run of the host without a reload', async () => {
    await world.host.call('workflow.start', { name: 'approval', id: 'order-1', input: {} });
    const { page, requests, close } = await browser.open(`${world.host.url}/#/workflows`);
    await page.getByRole('status').getByText('live').waitFor();
    await page.getByText(`process ${world.host.pid}`).waitFor();
    await page.locator('main').getByText('order-1').waitFor();
    await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));
    await world.stop('SIGKILL');
    await page.getByText('Connection lost, trying again.').waitFor();
    expect(await page.getByRole('status').innerText()).toBe('connection lost');
    // what was known stays, marked as old
    await page.locator('main.stale').getByText('order-1').waitFor();
    await world.start();
    await page.getByRole('status').getByText('live').waitFor();
    await page.getByText(`process ${world.host.pid}`).waitFor();
    await world.host.call('workflow.start', { name: 'approval', id: 'after-the-restart', input: {} });
    await page.getByRole('row').filter({ hasText: 'after-the-restart' }).waitFor();
    expect(await page.evaluate(() => Object.hasOwn(globalThis, 'isSamePage'))).toBe(true);
    expect(await page.getByText('Connection lost').count()).toBe(0);
    expect(requests.filter((url) => !url.startsWith(world.host.url))).toEqual([]);
    await close();
  });
});

const METRICS = { subsystem: 'compute.wasm', values: { inUse: 1 }, backpressure: 'normal', limits: {} };

interface HostStatus {
  readonly machine: { readonly at: number };
  readonly startedAt: number;
}
