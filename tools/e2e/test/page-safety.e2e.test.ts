import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { type WatchedPage, withBrowser } from './page-browser.js';
import { type RunningHost, startHost, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';

const MARKUP = `<img src="/none" onerror="globalThis.isTakenOver = true"><script>globalThis.isTakenOver = true</script>`;
const LONG = `id-${'x'.repeat(10_000)}`;
/** Turns what follows around, and ends what came before. */
const TURNED = 'safe\u202egnp.exe\u0000\u2066\u200b end';

/**
 * A plugin in the place of the real ones, whose answers are as hostile as answers can be; what the host checks (names of plugins and
 * operations) it cannot choose, everything else it does.
 */
const HOSTILE = `
  const text = ${JSON.stringify([MARKUP, LONG, TURNED])};
  const any = { input: sdk.z.unknown(), output: sdk.z.unknown() };
  const now = Date.now();
  const stage = (name, index) => ({ name: name + index, dependsOn: text, status: text[index], attempts: 1e9, startedAt: -1e300, endedAt: 1e300,
    output: { [text[0]]: text }, waitsFor: { kind: 'signal', name: text[0] }, error: { code: text[0], message: text[1] } });
  const answers = {
    'workflow.list': { items: text.map((id) => ({ id, name: id, version: 1, status: id, createdAt: now, updatedAt: now, error: { code: id, message: id } })), cursor: text[0] },
    'workflow.get': { id: text[1], name: text[0], version: 1, status: text[2], input: text, output: { deep: text }, attributes: { [text[0]]: text[2] },
      stages: text.map(stage), createdAt: now, error: { code: text[0], message: text[1] } },
    'workflow.history': { events: [{ seq: 1, type: text[0], at: 1e300, stage: text[2], data: text }] },
  };
  for (const [name, answer] of Object.entries(answers)) ctx.operations.provide({ name, summary: text[0] + text[2], ...any, handler: async () => answer });
`;

withBrowser('the page with hostile texts', (browser) => {
  let plugin: string;
  let host: RunningHost;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    plugin = writePlugin(tempFolder('bellows-hostile'), { id: 'workflow', activate: HOSTILE });
    host = await startHost({ config: { plugins: { workflow: { from: plugin } } } });
    watched = await browser.open(host.url);
    page = watched.page;
  });

  const isTakenOver = () => page.evaluate(() => Object.hasOwn(globalThis, 'isTakenOver'));

  describe('of an answer', () => {
    it.each([
      ['a list', ''],
      ['a name that is markup', `/${encodeURIComponent(MARKUP)}`],
      ['a name that turns directions', `/${encodeURIComponent(TURNED)}`],
      ['a very long name', `/${LONG}`],
    ])('are shown and do nothing: %s', async (_what, rest) => {
      await page.goto(`${host.url}/#/workflows${rest}`);
      await page.locator('main').getByText('onerror="globalThis.isTakenOver = true"').first().waitFor();
      // the address shows the name before the host has answered
      await page.locator('main').getByText('⟨U+202E⟩').first().waitFor();
      expect(await isTakenOver()).toBe(false);
      expect(await page.locator('main img, main script, main iframe').count()).toBe(0);
      const text = await page.locator('body').innerText();
      expect(text).not.toMatch(/[\0\u202e\u2066]/);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    });

    it('are cut where they are long, and whole on demand', async () => {
      await page.goto(`${host.url}/#/workflows/some`);
      const message = page.locator('p.fault').first();
      await message.waitFor();
      expect((await message.innerText()).length).toBeLessThan(1_000);
      await message.getByRole('button', { name: 'Show all 10,003 characters' }).click();
      expect((await message.innerText()).match(/x+/)?.[0]).toHaveLength(10_000);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    });
  });

  describe('of a reload', () => {
    it('that was not taken are shown on the overview and with the plugins, with every fault, and do nothing', async () => {
      const faulty = { [MARKUP]: { from: TURNED }, [LONG]: { from: './none' } };
      writeConfig(host.folder, { host: { port: 'none' as unknown as number }, plugins: { workflow: { from: './none' }, ...faulty } });
      expect((await host.bellows(['reload'])).code).toBe(2);
      for (const view of ['', 'plugins']) {
        await page.goto(`${host.url}/#/${view}`);
        const configuration = page.getByRole('region', { name: 'Configuration' });
        await configuration.getByText('invalid', { exact: true }).waitFor();
        await configuration.getByText('CONFIG_INVALID').waitFor();
        await configuration.getByText(/^host\.port: /).waitFor();
        expect(await isTakenOver()).toBe(false);
        expect(await page.locator('main img, main script, main iframe').count()).toBe(0);
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      }
    });

    it('that was taken afterwards are gone from the overview', async () => {
      writeConfig(host.folder, { plugins: { workflow: { from: plugin } } });
      expect((await host.bellows(['reload'])).code).toBe(0);
      const configuration = page.getByRole('region', { name: 'Configuration' });
      await page.goto(`${host.url}/#/plugins`);
      await configuration.getByText(/^(applied|unchanged)$/).waitFor();
      await configuration.getByText('CONFIG_INVALID').waitFor({ state: 'detached' });
      await page.goto(`${host.url}/#/`);
      await page.getByRole('heading', { name: 'Machine' }).waitFor();
      expect(await configuration.count()).toBe(0);
    });
  });

  describe('of code that got in all the same', () => {
    it('is not run: the policy of the page lets no inline script, no handler and no other host through', async () => {
      await tryToRun(page, host.url);
      const violated = () => page.evaluate(() => [...new Set((globalThis as unknown as Tried).violated)].sort());
      await until('all violations to be told', async () => (await violated()).length >= 4);
      expect(await isTakenOver()).toBe(false);
      expect(await violated()).toEqual(['connect-src', 'require-trusted-types-for', 'script-src-elem', 'style-src-attr']);
    });

    it('would run without the policy: the test before sees what it looks for', async () => {
      const unguarded = await browser.open(host.url, { bypassCSP: true });
      await tryToRun(unguarded.page, host.url);
      await unguarded.page.waitForFunction(() => Object.hasOwn(globalThis, 'isTakenOver'));
      await unguarded.close();
    });
  });

  afterAll(() => {
    const known = /status of 404|Content Security Policy|TrustedHTML|TrustedScript|net::ERR|Trusted Type/;
    expect(watched.faults.filter((fault) => !known.test(fault))).toEqual([]);
  });
});

interface Tried {
  /** The directives that stood in the way, as far as they are told. */
  readonly violated: readonly string[];
}

/** Every way in that markup has, to its end. */
function tryToRun(page: Page, url: string): Promise<void> {
  return page.evaluate(async (own) => {
    const violated: string[] = [];
    Object.assign(globalThis, { violated });
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => violated.push(effectiveDirective));
    const attempts = [
      () => {
        const script = document.createElement('script');
        script.append('globalThis.isTakenOver = true');
        document.body.append(script);
      },
      () => {
        document.body.innerHTML += '<img src="/assets/none.svg" onerror="globalThis.isTakenOver = true">';
      },
      () => {
        const image = document.createElement('img');
        image.setAttribute('onerror', 'globalThis.isTakenOver = true');
        image.src = '/assets/none.svg';
        document.body.append(image);
      },
      () => document.body.setAttribute('style', 'display: none'),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch {
        // that it is refused is what is wanted
      }
    }
    // of those that got in: a handler in the markup is run before this one
    const failures = [...document.images].map((image) => new Promise((resolve) => image.addEventListener('error', resolve)));
    const code = 'data:text/javascript,globalThis.isTakenOver = true';
    await import(code).catch(() => {});
    await fetch(own.replace('127.0.0.1', 'localhost')).catch(() => {});
    await Promise.all(failures);
  }, url);
}
