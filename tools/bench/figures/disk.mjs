import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { figure, percentile } from '../statistics.mjs';

const BLOCK = Buffer.alloc(4096, 1);
/** As long as a log grows before it is written over again: such a write changes no length, which would cost a second one. */
const BLOCKS = 1_000;

/** What one commit cannot be faster than: 4 KiB of a log on the disk. One at a time, a workflow is bound by this. */
export function diskFigure({ quick }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-disk-'));
  writeFileSync(path.join(folder, 'log'), Buffer.alloc(BLOCK.length * BLOCKS));
  const file = openSync(path.join(folder, 'log'), 'r+');
  try {
    const medians = Array.from({ length: quick ? 1 : 5 }, () => percentile(timesMs(file, quick ? 100 : 1_000), 0.5));
    return figure('disk: fdatasync of 4 KiB, p50', 'ms', 'none', medians, 'the bound of one commit, where the temporary folder is');
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

function timesMs(file, count) {
  fdatasyncSync(file);
  return Array.from({ length: count }, (_, at) => {
    const started = performance.now();
    writeSync(file, BLOCK, 0, BLOCK.length, (at % BLOCKS) * BLOCK.length);
    fdatasyncSync(file);
    return performance.now() - started;
  });
}
