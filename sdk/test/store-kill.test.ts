import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { killLoop } from './programs/kill-loop.mjs';

it.each(['sqlite', 'files'] as const)(
  'the store of %s loses nothing it acknowledged when its process is killed in the middle of values and streams',
  async (kind) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-kill-'));
    try {
      const promised = await killLoop({ kind, folder, rounds: 4, linesOf: (round) => round * 23 });
      expect(promised.values).toBeGreaterThan(100);
      expect(promised.streams).toBeGreaterThanOrEqual(4);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
