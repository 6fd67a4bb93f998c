import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge'];
const PLACES = [
  '/usr/lib/chromium/chromium',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
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

/** What to say where there is none. */
export const HOW_TO_GET_ONE = 'install Chromium (Debian: apt-get install chromium), or name one in BELLOWS_CHROMIUM';

/** The path of the system's Chromium, or of what does as well; undefined when there is none. `BELLOWS_CHROMIUM` wins, also when it is wrong. */
export function findBrowser(env = process.env) {
  if (env.BELLOWS_CHROMIUM) return env.BELLOWS_CHROMIUM;
  const folders = (env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return [...NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))), ...PLACES].find(isExecutable);
}

/** Starts it without a window and with a profile of its own, which is removed with it. Throws when there is none. */
export async function launchBrowser() {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error(`No browser is here: ${HOW_TO_GET_ONE}.`);
  return chromium.launch({ executablePath, headless: true, args: ARGS });
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
