import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { blocksOf, stepsOf } from '../../documents/blocks.mjs';
import { Reader } from '../../documents/reader.mjs';
import { root } from '../../with-host.mjs';
import { pathOfTheMachine } from '../machine-path.mjs';
import { figure } from '../statistics.mjs';

const TUTORIAL = 'docs/tutorials/first-plugin.md';
/** What the tutorial takes for granted: `npm start` has run once. */
const [FIRST_START] = blocksOf('```bash run background until="is ready"\nnpm start\n```');
const MS_PER_MINUTE = 60_000;

/**
 * From `git clone` to a plugin of one's own on a host, by what the tutorial says, block for block, typed without a pause: the time of the
 * machine. Reading comes on top. Cold: npm has downloaded nothing before. Warm: a second clone, with what npm keeps.
 */
export async function tutorialFigures({ quick }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-tutorial-'));
  const measured = { cold: [], warm: [] };
  try {
    for (let round = 0; round < (quick ? 1 : 3); round += 1) {
      const cache = path.join(folder, `cache-${round}`);
      for (const kind of ['cold', 'warm']) {
        const home = path.join(folder, `${kind}-${round}`);
        measured[kind].push(await followTutorial(path.join(home, 'bellows'), cache));
        rmSync(home, { recursive: true, force: true, maxRetries: 5 });
      }
      rmSync(cache, { recursive: true, force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  const of = (kind, what) => measured[kind].map((times) => times[what]);
  const minutes = (name, values) => figure(`tutorial: ${name}`, 'min', 'lower', values, 'machine time; reading comes on top');
  return [
    minutes('clone to a plugin that runs, nothing downloaded before', of('cold', 'running')),
    minutes('clone to a plugin that runs, npm cache filled', of('warm', 'running')),
    minutes('clone to its end, npm cache filled', of('warm', 'whole')),
  ];
}

/** Minutes from the beginning of `git clone` to the first start with the plugin, and to the last step. */
async function followTutorial(clone, cache) {
  const started = performance.now();
  const minutes = () => (performance.now() - started) / MS_PER_MINUTE;
  execFileSync('git', ['clone', '--quiet', '--no-local', root, clone]);
  const reader = await Reader.create({ folder: clone, env: { PATH: pathOfTheMachine(), npm_config_cache: cache } });
  // Ctrl-C does not reach what the reader starts; the step under way fails then, and with it the benchmark.
  const interrupt = () => void reader.close();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await reader.follow({ ...FIRST_START, shows: undefined });
    let running;
    for (const step of stepsOf(readFileSync(path.join(clone, TUTORIAL), 'utf8'))) {
      await reader.follow(step);
      if (String(step.marks.until).includes('my-plugin')) running ??= minutes();
    }
    if (running === undefined) throw new Error(`${TUTORIAL} starts no host with the plugin`);
    return { running, whole: minutes() };
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await reader.close();
  }
}
