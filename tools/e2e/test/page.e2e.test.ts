import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { doWork, openPageWorld, type PageWorld, startJob } from '../../page/page-world.mjs';
import { type WatchedPage, withBrowser } from './page-browser.js';
import { until } from './until.js';

withBrowser('the page of the host', (browser) => {
  let world: PageWorld;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    world = await openPageWorld();
    await doWork(world);
    watched = await browser.open(world.host.url);
    page = watched.page;
  });
  afterAll(() => world?.close());

  const go = (hash: string) => page.goto(`${world.host.url}/${hash}`);
  const main = () => page.locator('main');
  const row = (text: string) => main().getByRole('row').filter({ hasText: text });
  const sees = (text: string | RegExp) => main().getByText(text).first().waitFor();

  describe('shows what really happened', () => {
    it('on the overview: machine and subsystems, why each is where it is, and charts that say in words what they draw', async () => {
      await go('#/');
      await page.getByRole('heading', { name: 'compute.wasm' }).waitFor();
      await page.getByText(/^Revision 1 of the configuration is in force, taken /).waitFor();
      for (const name of ['harness.scale', 'workflow.pipeline']) await page.getByRole('heading', { name }).waitFor();
      const compute = page.getByRole('region', { name: 'compute.wasm' });
      await compute.getByText('backpressure normal').waitFor();
      expect(await compute.locator('.binding').innerText()).toMatch(/^\w+\s+\S.*given|law/s);
      const chart = compute.getByRole('img', { name: /^Operations at once, the last \d+ s: in use \d.*limit in force \d.*ceiling \d/ });
      await chart.waitFor();
      await chart.locator('canvas').waitFor();
      await page.getByRole('img', { name: /^CPU, the last \d+ s: of \d+ cores \d+ %/ }).waitFor();
      await page.getByRole('img', { name: /^Event loop delay.*p99 [\d.]+ ms/ }).waitFor();
    });

    it('in the decisions: from, to, what limits, the outcome and the reason, filtered by an address', async () => {
      await go('#/decisions?subsystem=compute.wasm');
      await row('compute.wasm').first().waitFor();
      expect(await main().getByRole('row').count()).toBeGreaterThan(1);
      expect(await row('harness.scale').count()).toBe(0);
      const first = await row('compute.wasm').first().innerText();
      expect(first).toMatch(/given|wanted/);
      expect(first).toMatch(/applied|no change|refused/);
      await page.getByLabel('Subsystem').selectOption('harness.scale');
      await row('harness.scale').first().waitFor();
      expect(page.url()).toContain('#/decisions?subsystem=harness.scale');
    });

    it('in the plugins: each with its state, since when and why', async () => {
      await go('#/plugins');
      for (const id of ['compute', 'workflow', 'harness']) await row(id).getByText('active', { exact: true }).first().waitFor();
      expect(await row('compute').locator('time').getAttribute('title')).toMatch(/^\d{4}-\d\d-\d\d .* UTC$/);
      const configuration = page.getByRole('region', { name: 'Configuration' });
      await configuration.getByText(/bellows\.yaml$/).waitFor();
      await configuration.getByText('none since the start').waitFor();
    });

    it('in the workflows: runs by status and by name', async () => {
      await go('#/workflows');
      await row('order-1').getByText('completed').waitFor();
      await row('approval-1').getByText('waiting').waitFor();
      await row('refund-1').getByText('STAGE_FAILED: the card was declined').waitFor();
      await page.getByLabel('Status').selectOption('waiting');
      await row('order-1').waitFor({ state: 'detached' });
      await row('approval-1').waitFor();
      await page.goBack();
      await row('order-1').waitFor();
      await page.getByLabel('Workflow', { exact: true }).fill('refund');
      await page.getByLabel('Workflow', { exact: true }).press('Enter');
      await row('order-1').waitFor({ state: 'detached' });
      await row('refund-1').waitFor();
      expect(await main().getByRole('row').count()).toBe(2);
      await page.goBack();
      await row('order-1').waitFor();
      expect(await page.getByLabel('Workflow', { exact: true }).inputValue()).toBe('');
    });

    it('of a run: stages with attempts, dependencies and their place in time, input, output and history', async () => {
      await go('#/workflows/order-1');
      const stage = (name: string) => page.locator('.stages li').filter({ has: page.locator('.stage-name', { hasText: name }) });
      await stage('reserve').getByText('2 attempts').waitFor();
      await stage('ship').getByText('after invoice, pack').waitFor();
      expect(await page.locator('.stages li').count()).toBe(6);
      const left = (name: string) =>
        stage(name)
          .locator('.bar-completed')
          .evaluate((bar) => bar.getBoundingClientRect().left);
      expect(await left('thank')).toBeGreaterThan(await left('pack'));
      await stage('invoice').getByText('Output of invoice').click();
      await stage('invoice').getByText('"R-1007"').waitFor();
      await sees('"item": "cups"');
      await row('stage.retry_scheduled').getByText('the warehouse did not answer').waitFor();
      const due = row('stage.retry_scheduled').getByTitle(/"dueAt":\d{13}/);
      expect(await due.innerText()).toMatch(/"dueAt":"\d{4}-\d\d-\d\d [\d:.]+ UTC"/);
      await row('run.completed').waitFor();
      expect(await page.title()).toBe('order-1 · Workflows · Bellows');
    });

    it('of a run that was taken back: the error, and which stages were compensated', async () => {
      await go('#/workflows/refund-1');
      await sees('the card was declined');
      await page.locator('.stages li').first().getByText('Taken back:').waitFor();
      await row('compensation.completed').waitFor();
    });

    it('of a run that waits: for what', async () => {
      await go('#/workflows/approval-1');
      await sees('waits for the signal');
      const said = await page.locator('.stages li').filter({ hasText: 'waits for' }).locator('.stage-more').innerText();
      expect(said).toMatch(/^after ask\s+waits for the signal decision$/);
    });

    it('of the harness: workers with their health, jobs, issues with attempts and reasons, and what landed as which commit', async () => {
      await go('#/harness');
      await sees('At work');
      await row('agents-first').getByText('partial').waitFor();
      await row('agents-first').getByRole('link', { name: 'first' }).click();
      await row('cache').first().getByText('landed').waitFor();
      expect(await row('Forget what has expired').first().innerText()).toMatch(/landed\s+2\s/);
      await row('flaky').getByText('agent_failed').waitFor();
      await row('flaky').getByText('exit code 3').waitFor();
      const landed = (await world.host.call('harness.get', { id: 'first' })).landed as { commit: string }[];
      expect(landed).toHaveLength(3);
      for (const { commit } of landed) await main().getByText(commit.slice(0, 12)).waitFor();
    });

    it('of the modules: calls, exports with types, pool, limits and the last errors', async () => {
      await go('#/modules');
      await row('worker').waitFor();
      await row('faulty').getByRole('link').click();
      await sees('() → ()');
      await row('TRAP').waitFor();
      await go('#/modules/worker');
      await sees('(i32) → (i32)');
      await sees('Memory at most');
      expect(await main().getByText('Calls').locator('xpath=following-sibling::dd').innerText()).toMatch(/^1[3-9]$/);
    });

    it('of the operations: all there are, with links to what programs read', async () => {
      await go('#/operations');
      await row('workflow.start').waitFor();
      const { operations } = (await (await fetch(`${world.host.url}/v1/operations`)).json()) as { operations: unknown[] };
      expect(await main().getByRole('row').count()).toBe(operations.length + 1);
      for (const path of ['/openapi.json', '/metrics']) expect(await page.locator(`main a[href="${path}"]`).count()).toBe(1);
    });

    it('of what is not there: that it is not, in plain words', async () => {
      await go('#/workflows/nobody-1');
      await sees('There is no such thing here.');
      await go('#/modules/nothing');
      await sees('There is no such thing here.');
      await go('#/elsewhere');
      await sees('There is no such view.');
    });
  });

  describe('is live', () => {
    it('shows a new run, its progress and its end without a reload', async () => {
      await go('#/workflows');
      await row('approval-1').waitFor();
      await world.host.call('workflow.start', { name: 'approval', id: 'approval-2', input: {} });
      await row('approval-2').getByText('waiting').waitFor();
      await row('approval-2').getByRole('link', { name: 'approval-2' }).click();
      await sees('waits for the signal');
      await world.host.call('workflow.signal', { id: 'approval-2', name: 'decision', payload: { yes: true } });
      await row('run.completed').waitFor();
      await main().locator('.facts').getByText('completed').waitFor();
    });

    it('shows what of a job waits for a worker as waiting, not as done', async () => {
      const issues = Array.from({ length: 16 }, (_, index) => ({ id: `slow-${index}`, title: `Slow ${index}`, body: 'stub: sleep=60' }));
      await startJob(world, 'crowd', issues);
      try {
        await go('#/harness/crowd');
        await row('slow-0').locator('.mark-busy').getByText('working').waitFor();
        await main().locator('.mark-wait').getByText('ready').first().waitFor();
        expect(await main().locator('.mark-good').count()).toBe(0);
      } finally {
        await world.host.call('harness.cancel', { id: 'crowd' });
      }
    });

    it('shows a new decision as soon as work makes the governor decide', async () => {
      await go('#/decisions?subsystem=compute.wasm');
      await row('compute.wasm').first().waitFor();
      const count = async () => Number(/(\d+) decisions?, newest first/.exec(await main().innerText())?.[1]);
      const before = await count();
      let isSeen = false;
      const work = Array.from({ length: 6 }, async () => {
        while (!isSeen) await world.host.call('compute.invoke', { module: 'worker', export: 'work', args: [100_000_000] });
      });
      try {
        await until('a new decision on the page', async () => (await count()) > before);
      } finally {
        isSeen = true;
        await Promise.all(work);
      }
      expect(await row('compute.wasm').first().innerText()).toMatch(/given/);
    });
  });

  describe('goes through what is long page by page', () => {
    it('in the runs, by links, so that the browser knows the way back', async () => {
      // one after the other: they are shown in this order
      for (let run = 0; run < 55; run += 1) await world.host.call('workflow.start', { name: 'approval', id: `many-${run}`, input: {} });
      await go('#/workflows');
      await row('many-54').waitFor();
      expect(await main().getByRole('row').count()).toBe(51);
      await page.getByRole('link', { name: 'Next' }).click();
      await row('order-1').waitFor();
      await page.goBack();
      await row('many-54').waitFor();
    });

    it('in the history of a run', async () => {
      const stages = Array.from({ length: 60 }, (_, stage) => ({ name: `step-${stage}`, run: 'take', input: { ms: 0 } }));
      await world.host.call('workflow.define', { json: { name: 'long', version: 1, stages } });
      await world.host.call('workflow.start', { name: 'long', id: 'long-1', input: {} });
      await world.host.call('workflow.wait', { id: 'long-1', timeoutMs: 30_000 });
      await go('#/workflows/long-1');
      await row('run.started').waitFor();
      expect(await main().getByRole('row').count()).toBe(101);
      await page.getByRole('button', { name: 'Later events' }).click();
      await row('run.completed').waitFor();
      await page.getByRole('button', { name: 'Earlier events' }).click();
      await row('run.started').waitFor();
    });
  });

  it('is used by keyboard: to the content, to a view, to a run and back', async () => {
    await go('#/workflows?name=order');
    await row('order-1').waitFor();
    await page.reload();
    await row('order-1').waitFor();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('MAIN');
    for (let presses = 0; (await focused(page)) !== 'order-1'; presses += 1) {
      expect(presses).toBeLessThan(30);
      await page.keyboard.press('Tab');
    }
    expect(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).toBe('solid');
    await page.keyboard.press('Enter');
    await sees('after invoice, pack');
    await page.goBack();
    await row('order-1').waitFor();
    expect(await page.locator('nav.views a[aria-current="page"]').innerText()).toBe('Workflows');
  });

  it('has caused no fault and asked nobody but its host', () => {
    expect(watched.faults.filter((fault) => !/status of 404/.test(fault))).toEqual([]);
    expect(watched.requests.filter((url) => !url.startsWith(world.host.url))).toEqual([]);
    expect(watched.requests.length).toBeGreaterThan(20);
  });
});

function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.textContent?.trim());
}
