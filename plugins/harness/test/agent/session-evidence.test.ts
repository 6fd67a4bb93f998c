import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeClock } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionEvidence } from '../../src/agent/session-evidence.js';
import type { ProgressSigns } from '../../src/jobs/session-contracts.js';
import { judgeStall } from '../../src/scaling/judge-stall.js';

const FLOOR = 600_000;
const LOOK_EVERY = 30_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-evidence-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A session looked at every 30 s; `each` says what happened since the last look. */
async function session(progress?: ProgressSigns) {
  const clock = new FakeClock();
  const world = { cpuMs: 0, changes: 0, lastOutputAtMs: Number.NEGATIVE_INFINITY };
  const evidence = await SessionEvidence.begin({
    clock,
    progress,
    lastOutputAtMs: () => world.lastOutputAtMs,
    processes: async () => ({ cpuMs: world.cpuMs, changes: world.changes }),
  });
  /** Time in which it was first found stalled; null when it never was. */
  const stalledAfter = async (forMs: number, each: () => Promise<void> | void): Promise<number | null> => {
    const begin = clock.monotonicMs();
    while (clock.monotonicMs() - begin < forMs) {
      await clock.advance(LOOK_EVERY);
      await each();
      if (judgeStall(await evidence.look(), FLOOR) === 'stalled') return clock.monotonicMs() - begin;
    }
    return null;
  };
  return { clock, world, evidence, stalledAfter };
}

describe('a session', () => {
  it('that never showed anything has progress as old as itself and no life', async () => {
    const { clock, evidence } = await session();
    await clock.advance(1_000);
    expect(await evidence.look()).toEqual({ progressAgeMs: 1_000, lifeAgeMs: Infinity });
  });

  it('that runs tests silently for longer than the floor is healthy', async () => {
    const { world, stalledAfter } = await session();
    expect(await stalledAfter(2.5 * FLOOR, () => void (world.cpuMs += 5_000))).toBeNull();
  });

  it('that sleeps for ever is stalled just after the floor', async () => {
    const { stalledAfter } = await session();
    expect(await stalledAfter(5 * FLOOR, () => {})).toBe(FLOOR + LOOK_EVERY);
  });

  it('that wakes up from time to time without doing anything is stalled too', async () => {
    const { world, stalledAfter } = await session();
    // 10 ms in 30 s: 50 ms are reached once in 150 s
    const found = await stalledAfter(5 * FLOOR, () => void (world.cpuMs += 10));
    expect(found).not.toBeNull();
    expect(found).toBeLessThanOrEqual(3 * FLOOR + LOOK_EVERY);
  });

  it.each([
    ['is a busy loop', (world: World) => void (world.cpuMs += 30_000)],
    ['only chatters', (world: World, now: number) => void (world.lastOutputAtMs = now)],
    ['starts one child after the other', (world: World) => void (world.changes += 2)],
  ])('that %s without progress is stalled after three floors, not before', async (_, act) => {
    const { clock, world, stalledAfter } = await session();
    expect(await stalledAfter(10 * FLOOR, () => act(world, clock.monotonicMs()))).toBe(3 * FLOOR + LOOK_EVERY);
  });

  it('whose processes ended and took their CPU time along shows life by the next that is used', async () => {
    const { clock, world, evidence } = await session();
    world.cpuMs = 60_000;
    await evidence.look();
    await clock.advance(1_000);
    world.cpuMs = 100;
    expect((await evidence.look()).lifeAgeMs).toBe(1_000);
    world.cpuMs = 160;
    expect((await evidence.look()).lifeAgeMs).toBe(0);
  });

  it('is not ended because its processes could not be looked at', async () => {
    const clock = new FakeClock();
    const processes = () => Promise.reject(new Error('too many open files'));
    const evidence = await SessionEvidence.begin({ clock, lastOutputAtMs: () => Number.NEGATIVE_INFINITY, processes });
    await clock.advance(2 * FLOOR);
    expect(judgeStall(await evidence.look(), FLOOR)).toBe('healthy');
    await clock.advance(2 * FLOOR);
    expect(judgeStall(await evidence.look(), FLOOR)).toBe('stalled');
  });

  it('makes progress when a file changes, comes or goes', async () => {
    const file = path.join(folder, 'HEAD');
    const { clock, evidence } = await session({ files: [file, path.join(folder, 'index')] });
    for (const change of [() => writeFile(file, 'a'), () => writeFile(file, 'bc'), () => rm(file)]) {
      await clock.advance(5_000);
      expect((await evidence.look()).progressAgeMs).toBe(5_000);
      await change();
      expect((await evidence.look()).progressAgeMs).toBe(0);
    }
  });
});

describe('the digest of a workspace', () => {
  it('is asked only after half the floor without other progress', async () => {
    let asked = 0;
    const digest = async () => {
      asked += 1;
      return '';
    };
    const { clock, evidence } = await session({ files: [], digest, digestAfterMs: FLOOR / 2 });
    await clock.advance(FLOOR / 2 - 1);
    await evidence.look();
    expect(asked).toBe(0);
    await clock.advance(1);
    await evidence.look();
    expect(asked).toBe(1);
  });

  it('is progress when it changes, so who edits without a commit is healthy', async () => {
    let edits = 0;
    const { stalledAfter, world } = await session({ files: [], digest: async () => `${edits}`, digestAfterMs: FLOOR / 2 });
    const work = () => {
      edits += 1;
      world.cpuMs += 1_000;
    };
    expect(await stalledAfter(10 * FLOOR, work)).toBeNull();
    // and who stopped with unfinished files is found within twice the floor
    expect(await stalledAfter(10 * FLOOR, () => {})).toBeLessThanOrEqual(2 * FLOOR);
  });

  it('that fails is no progress, and is asked again', async () => {
    let asked = 0;
    const digest = () => {
      asked += 1;
      return Promise.reject(new Error('the index is locked'));
    };
    const { stalledAfter } = await session({ files: [], digest, digestAfterMs: FLOOR / 2 });
    expect(await stalledAfter(5 * FLOOR, () => {})).toBe(FLOOR + LOOK_EVERY);
    expect(asked).toBeGreaterThan(1);
  });

  it('that takes for ever holds up no look for long and is not asked twice', async () => {
    let asked = 0;
    const digest = () => {
      asked += 1;
      return new Promise<string>(() => {});
    };
    const { clock, evidence } = await session({ files: [], digest, digestAfterMs: 0 });
    for (let look = 0; look < 3; look += 1) {
      let answered = false;
      const looking = evidence.look().then(() => {
        answered = true;
      });
      while (!answered) await clock.advance(1_000);
      await looking;
    }
    expect(asked).toBe(1);
  });
});

interface World {
  cpuMs: number;
  changes: number;
  lastOutputAtMs: number;
}
