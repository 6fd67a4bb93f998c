import { describe, expect, it } from '@jest/globals';
import type { LiveRun } from '../../src/engine/live-run.js';
import { RunRegistry } from '../../src/engine/run-registry.js';

function setUp(maxResting: number) {
  const dropped: number[] = [];
  const registry = new RunRegistry({ maxResting, dropped: ({ record }) => dropped.push(record.key) });
  const rest = (key: number, stages: number) => {
    const states = new Uint8Array(stages);
    const run = { record: { key, id: `r${key}` }, states, isIdle: true, uncommitted: 0, isDormantInStore: true } as unknown as LiveRun;
    registry.add(run);
    registry.sort(run);
    return run;
  };
  return { registry, rest, dropped };
}

describe('RunRegistry', () => {
  it('keeps as many runs at rest as it may, the last ones', () => {
    const { registry, rest, dropped } = setUp(2);
    for (const key of [1, 2, 3]) rest(key, 1);
    expect([dropped, registry.restingCount, registry.liveCount]).toEqual([[1], 2, 0]);
  });

  it('keeps fewer when they are large: together they have a million stages', () => {
    const { registry, rest, dropped } = setUp(100);
    for (const key of [1, 2, 3]) rest(key, 400_000);
    expect([dropped, registry.restingCount]).toEqual([[1], 2]);
    // what leaves counts no more
    registry.remove(registry.get(2)!);
    rest(4, 500_000);
    expect([dropped, registry.restingCount]).toEqual([[1, 2], 2]);
  });

  it('drops nothing that somebody works on', () => {
    const { registry, rest, dropped } = setUp(1);
    const first = rest(1, 1);
    expect(registry.take(1)).toBe(first);
    rest(2, 1);
    expect(dropped).toEqual([]);
    registry.sort(first);
    expect([dropped, registry.get(1)]).toEqual([[2], first]);
  });
});
