import { chromium } from 'playwright-core';
import { findBrowser, HOW_TO_GET_ONE } from './find-browser.mjs';

/** Nothing but what is tested: no first-run page, no look for updates, no talk with anybody else. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-domain-reliability',
  '--disable-default-apps',
];

/** Starts the system's Chromium without a window, with a profile of its own that is removed with it. Throws when there is none. */
export async function launchBrowser() {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error(`No browser is here: ${HOW_TO_GET_ONE}.`);
  return chromium.launch({ executablePath, headless: true, args: ARGS });
}
