import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser } from '../../browser.mjs';
import { findBrowser, HOW_TO_GET_ONE } from '../../find-browser.mjs';

/** One browser for the tests of a file. */
export interface PageBrowser {
  /** A tab with nothing kept from others, that remembers what went wrong in it and what it asked for. */
  open(url: string, options?: BrowserContextOptions): Promise<WatchedPage>;
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the console, among them every violation of the page's policy, and exceptions nobody caught. */
  readonly faults: readonly string[];
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/**
 * Runs `define` with a browser. Where none is installed: in continuous integration that fails; for somebody at home one test says
 * what was not tested, and how to have it tested.
 */
export function withBrowser(what: string, define: (browser: PageBrowser) => void): void {
  if (findBrowser() === undefined) {
    tellWhatIsMissing(what);
    return;
  }
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  define({ open: (url, options) => openPage(browser, url, options) });
}

async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error}`));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, faults, requests, close: () => context.close() };
}

function tellWhatIsMissing(what: string): void {
  const said = `No browser is here, so nothing of ${what} was tested: ${HOW_TO_GET_ONE}.`;
  it(`says that ${what} was not tested, because there is no browser`, () => {
    console.warn(said);
    if (process.env.CI) throw new Error(said);
    expect(findBrowser()).toBeUndefined();
  });
}
