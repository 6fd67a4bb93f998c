import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { Retention } from '../../src/engine/retention.js';

/** Ended runs with their events, and the large values of their ids. */
class Kept {
  readonly events = new Map<number, number>();
  readonly values = new Set<string>();
  readonly calls: number[] = [];
  isBroken = false;

  constructor(runs: number, events: number) {
    for (let key = 1; key <= runs; key += 1) {
      this.events.set(key, events);
      this.values.add(`run-${key}`);
    }
  }

  endedBefore(_at: number, limit: number) {
    return [...this.events.keys()].slice(0, limit).map((key) => ({ key, id: `run-${key}` }));
  }

  removeRuns(keys: readonly number[], maxEvents: number): number {
    let left = maxEvents;
    let gone = 0;
    for (const key of keys) {
      if (this.values.has(`run-${key}`)) throw new Error('the run is removed before its values');
      const events = this.events.get(key) ?? 0;
      if (events >= left) {
        this.events.set(key, events - left);
        left = 0;
        break;
      }
      left -= events;
      this.events.delete(key);
      gone += 1;
    }
    this.calls.push(maxEvents - left);
    return gone;
  }

  async forget(id: string): Promise<void> {
    await Promise.resolve();
    if (this.isBroken && id === 'run-3') throw new Error('the disk is gone');
    this.values.delete(id);
  }

  retention(): Retention {
    return new Retention({ store: this, captured: this, clock: new FakeClock(), logger: silentLogger, retentionMs: 0 });
  }
}

describe('Retention', () => {
  it('removes everything, with no more events at once than take a moment', async () => {
    const kept = new Kept(450, 100);
    kept.events.set(7, 30_000);
    await kept.retention().sweep();
    expect([kept.events.size, kept.values.size]).toEqual([0, 0]);
    expect(Math.max(...kept.calls)).toBeLessThanOrEqual(5_000);
  });

  it('leaves a run whose large values could not be removed for the next sweep', async () => {
    const kept = new Kept(5, 1);
    kept.isBroken = true;
    await kept.retention().sweep();
    expect([kept.events.size, [...kept.values]]).toEqual([5, ['run-3', 'run-4', 'run-5']]);
    kept.isBroken = false;
    await kept.retention().sweep();
    expect([kept.events.size, kept.values.size]).toEqual([0, 0]);
  });
});
