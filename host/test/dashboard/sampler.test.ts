import { describe, expect, it } from '@jest/globals';
import { MACHINE_SERIES, Sampler, seriesOf } from '../../dashboard/src/charts/sampler.js';
import { Store } from '../../dashboard/src/live/store.js';
import { statusAt } from './samples.js';

/** A page whose clock the test moves. */
function newScene() {
  const scene = { now: 1_000_000, tick: () => {} };
  const store = new Store({ now: () => scene.now, schedule: (callback) => callback() });
  const sampler = new Sampler({
    store,
    now: () => scene.now,
    every: (_periodMs, callback) => {
      scene.tick = callback;
      return () => {
        scene.tick = () => {};
      };
    },
  });
  const after = (ms: number) => {
    scene.now += ms;
    scene.tick();
  };
  const values = (name: string) => sampler.ring.read([name]).values.get(name);
  return { store, sampler, after, values };
}

describe('the sampler of the charts', () => {
  it('reads machine and subsystems every second, while the page is connected', () => {
    const { store, sampler, after, values } = newScene();
    const stop = sampler.start();
    after(1_000);
    store.dispatch({ type: 'status', status: statusAt(10_000) });
    store.dispatch({ type: 'connection', connection: { phase: 'live', since: 0 } });
    after(1_000);
    store.dispatch({ type: 'connection', connection: { phase: 'lost', since: 0 } });
    after(1_000);
    expect(values(seriesOf('demo.pool', 'inUse'))).toEqual([null, 4, null]);
    expect(values(seriesOf('demo.pool', 'ceiling'))).toEqual([null, 4, null]);
    expect(values(MACHINE_SERIES.cpu)).toEqual([null, 0.5, null]);
    stop();
    after(1_000);
    expect(sampler.ring.length).toBe(3);
  });

  it('draws no line from a reading of the machine that is old, whatever the clock of the host says', () => {
    const { store, sampler, after, values } = newScene();
    sampler.start();
    store.dispatch({ type: 'status', status: statusAt(1) });
    store.dispatch({ type: 'connection', connection: { phase: 'live', since: 0 } });
    for (let second = 0; second < 6; second += 1) after(1_000);
    expect(values(MACHINE_SERIES.memory)).toEqual([0.5, 0.5, 0.5, 0.5, null, null]);
  });

  it('leaves a hole where the browser did not let it look', () => {
    const { store, sampler, after, values } = newScene();
    sampler.start();
    store.dispatch({ type: 'status', status: statusAt(1) });
    store.dispatch({ type: 'connection', connection: { phase: 'live', since: 0 } });
    after(1_000);
    after(60_000);
    expect(values(seriesOf('demo.pool', 'queue'))).toEqual([1, null, 1]);
  });

  it('tells the charts after each reading, and holds five minutes', () => {
    const { sampler, after } = newScene();
    sampler.start();
    let told = 0;
    const unsubscribe = sampler.subscribe(() => (told += 1));
    for (let second = 0; second < 400; second += 1) after(1_000);
    unsubscribe();
    after(1_000);
    expect([told, sampler.ring.length]).toEqual([400, 300]);
  });
});
