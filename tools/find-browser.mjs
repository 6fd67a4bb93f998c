// `node tools/find-browser.mjs` prints the path of the browser that tests use, or nothing. Built-ins only: it runs before anything is installed.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge'];
const PLACES = [
  '/usr/lib/chromium/chromium',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** What to say where there is none. */
export const HOW_TO_GET_ONE = 'install Chromium (Debian: apt-get install chromium), or name one in BELLOWS_CHROMIUM';

/** The path of the system's Chromium, or of what does as well; undefined when there is none. `BELLOWS_CHROMIUM` wins, also when it is wrong. */
export function findBrowser(env = process.env) {
  if (env.BELLOWS_CHROMIUM) return env.BELLOWS_CHROMIUM;
  const folders = (env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return [...NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))), ...PLACES].find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(findBrowser() ?? '');
