import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { doWork, openPageWorld, type PageWorld } from '../../page/page-world.mjs';
import { type WatchedPage, withBrowser } from './page-browser.js';
import { until } from './until.js';

/** Each view, and what is there when it has its data. */
const VIEWS = [
  ['#/', 'Operations at once'],
  ['#/decisions', 'given'],
  ['#/plugins', 'ACTIVE'],
  ['#/workflows', 'order-1'],
  ['#/workflows/order-1', 'run.completed'],
  ['#/workflows/refund-1', 'Taken back'],
  ['#/harness', 'agents-first'],
  ['#/harness/first', 'agent_failed'],
  ['#/modules', 'worker'],
  ['#/modules/faulty', 'TRAP'],
  ['#/operations', 'workflow.start'],
  ['#/workflows/nobody', 'There is no such thing here.'],
  ['#/nowhere', 'There is no such view.'],
] as const;

const SETTINGS = (['light', 'dark'] as const).flatMap((colorScheme) => [1280, 390].map((width) => ({ colorScheme, width })));
/** 640 is 1280 at 200 %; the others are where the layout changes. */
const WIDTHS = [320, 640, 860, 861, 1001, 1200];

withBrowser('the page for everybody', (browser) => {
  let world: PageWorld;

  beforeAll(async () => {
    world = await openPageWorld();
    await doWork(world);
  });
  afterAll(() => world?.close());

  const open = () =>
    browser.open(world.host.url, { colorScheme: 'light', viewport: { width: 1280, height: 844 }, reducedMotion: 'reduce' });
  const groundOf = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  describe('in light and dark, 1280 and 390 pixels wide', () => {
    let watched: WatchedPage;
    let page: Page;
    beforeAll(async () => {
      watched = await open();
      page = watched.page;
      await page.evaluate(axe.source);
    });
    afterAll(() => watched.close());

    const setTo = async ({ colorScheme, width }: (typeof SETTINGS)[number]) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
    };

    it.each(VIEWS)('%s has no fault that axe finds, and scrolls sideways at no width', async (hash, text) => {
      await page.goto(`${world.host.url}/${hash}`);
      await page.locator('main').getByText(text).first().waitFor();
      const faults: string[] = [];
      for (const setting of SETTINGS) {
        await setTo(setting);
        faults.push(...(await problemsOf(page)).map((problem) => `${setting.colorScheme}, ${setting.width}: ${problem}`));
      }
      for (const width of [...new Set([...SETTINGS.map((setting) => setting.width), ...WIDTHS])]) {
        await page.setViewportSize({ width, height: 600 });
        // what is drawn, and not laid out, follows in the next frames
        const excess = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        await until('no width too many', async () => (await excess()) <= 0, { withinMs: 2_000 }).catch(() => {});
        if ((await excess()) > 0) faults.push(`${width}: ${await excess()} pixels too many`);
      }
      expect(faults).toEqual([]);
    });

    it.each(SETTINGS)('looks like that: $colorScheme, $width', async (setting) => {
      await setTo(setting);
      const [red = 0] = ((await groundOf(page)).match(/\d+/g) ?? []).map(Number);
      expect(red > 128 ? 'light' : 'dark').toBe(setting.colorScheme);
      expect(await page.evaluate(() => innerWidth)).toBe(setting.width);
    });
  });

  it('is judged by a test that sees faults', async () => {
    const { page, close } = await open();
    await page.evaluate(axe.source);
    await page.evaluate(() => {
      const image = document.createElement('img');
      image.src = '/assets/none.svg';
      const pale = document.createElement('p');
      pale.textContent = 'hard to read';
      pale.style.color = '#ddd';
      document.querySelector('main')?.append(image, pale);
    });
    expect(await problemsOf(page)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^image-alt/), expect.stringMatching(/^color-contrast/)]),
    );
    await close();
  });

  it('keeps the theme that was chosen, against that of the system', async () => {
    const { page, close } = await open();
    const ground = () => groundOf(page);
    const light = await ground();
    await page.getByLabel('Theme').selectOption('dark');
    await until('the other theme', async () => (await ground()) !== light);
    const dark = await ground();
    await page.reload();
    await page.getByLabel('Theme').waitFor();
    expect([await ground(), await page.getByLabel('Theme').inputValue()]).toEqual([dark, 'dark']);
    await close();
  });

  it('moves nothing by itself for who does not want that', async () => {
    const moving = async (reducedMotion: 'reduce' | 'no-preference') => {
      const { page, close } = await browser.open(world.host.url, { reducedMotion });
      await page.locator('nav.views').waitFor();
      const count = await page.evaluate(() => {
        const sign = document.createElement('span');
        sign.className = 'turning';
        document.body.append(sign);
        return sign.getAnimations().length;
      });
      await close();
      return count;
    };
    expect([await moving('reduce'), await moving('no-preference')]).toEqual([0, 1]);
  });

  it('says without scripts what to do instead', async () => {
    const { page, faults, close } = await browser.open(world.host.url, { javaScriptEnabled: false });
    const said = page.locator('noscript main');
    await said.waitFor();
    expect(await said.innerText()).toMatch(/needs JavaScript.*npx --no-install bellows top/s);
    expect(faults).toEqual([]); // before the link: for what is no page a browser looks for an icon by itself
    await said.locator('a[href="/v1/status"]').click();
    await page.waitForURL(`${world.host.url}/v1/status`);
    await close();
  });
});

/** What axe finds against WCAG 2 A and AA: the rule and where. */
function problemsOf(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { run } = (globalThis as unknown as { axe: typeof axe }).axe;
    const { violations } = await run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`));
  });
}
