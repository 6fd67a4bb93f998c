import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { figure, rounds } from '../statistics.mjs';

const SCRIPT = path.join(import.meta.dirname, '../upgrades.mjs');
/** KiB of code. */
const SMALL = 16;
const LARGE = 256;

/** What stays in memory of plugins that were started again: of other code all that Node.js has read, of another configuration nothing. */
export async function reloadFigures({ quick }) {
  const count = quick ? 20 : 200;
  const values = await rounds(quick ? 1 : 3, {
    small: () => measure('code', SMALL, count),
    large: () => measure('code', LARGE, count),
    config: () => measure('config', LARGE, count),
  });
  const of = (name, key, factor) => values[name].map((value) => value[key] * factor);
  return [
    figure(`reload: kept of an upgrade of ${SMALL} KiB of code`, 'KiB', 'lower', of('small', 'keptBytes', 1 / 1024)),
    figure(`reload: kept of an upgrade of ${LARGE} KiB of code`, 'KiB', 'lower', of('large', 'keptBytes', 1 / 1024)),
    figure('reload: kept of a restart with another configuration', 'KiB', 'lower', of('config', 'keptBytes', 1 / 1024)),
    figure(`reload: an upgrade of ${LARGE} KiB of code, p50`, 'ms', 'lower', of('large', 'medianMs', 1)),
    figure('reload: a restart with another configuration, p50', 'ms', 'lower', of('config', 'medianMs', 1)),
  ];
}

async function measure(what, kib, count) {
  const child = spawn(process.execPath, ['--expose-gc', SCRIPT, what, String(kib), String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the measurement of reloads ended with ${code}`);
  return JSON.parse(printed);
}
