import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { RecordingBus } from '../../src/testing/recording-bus.js';

describe('RecordingBus', () => {
  it('delivers like the bus and keeps every event of every source', async () => {
    const bus = new RecordingBus({ clock: new FakeClock() });
    const seen: number[] = [];
    bus.subscribe('*', {}, ({ id }) => void seen.push(id));
    bus.publish({ topic: 'a', payload: 1 });
    bus.forSource('plugin').publish({ topic: 'b', payload: 2 });
    await bus.idle();
    expect(seen).toEqual([1, 2]);
    expect(bus.events.map(({ source }) => source)).toEqual(['host', 'plugin']);
    expect(bus.of('b').map(({ payload }) => payload)).toEqual([2]);
  });

  it('knows who has subscribed and not left', () => {
    const bus = new RecordingBus();
    const own = bus.subscribe('a', {}, () => {});
    bus.forSource('plugin').subscribe('b', { owner: 'pump' }, () => {});
    expect(bus.subscriptions).toEqual([
      { owner: 'host', topic: 'a' },
      { owner: 'pump', topic: 'b' },
    ]);
    own.unsubscribe();
    own.unsubscribe();
    bus.closeSource('plugin');
    expect(bus.subscriptions).toEqual([]);
  });

  it('calls handlers through whoever was given for that', async () => {
    const sources: string[] = [];
    const runAs = <T>(source: string, call: () => T): T => {
      sources.push(source);
      return call();
    };
    const bus = new RecordingBus({ runAs });
    bus.forSource('plugin').subscribe('a', {}, () => {});
    bus.publish({ topic: 'a', payload: 1 });
    await bus.idle();
    expect(sources).toEqual(['plugin']);
  });

  it('waits for an event that fits, whether it was published before or comes later', async () => {
    const bus = new RecordingBus();
    const later = bus.waitFor('a', ({ payload }) => payload === 2);
    bus.publish({ topic: 'b', payload: 2 });
    bus.publish({ topic: 'a', payload: 1 });
    bus.publish({ topic: 'a', payload: 2 });
    expect((await later).id).toBe(3);
    expect((await bus.waitFor('a')).id).toBe(2);
  });

  it('ends a wait when it is closed, and waits no more afterwards', async () => {
    const bus = new RecordingBus();
    bus.publish({ topic: 'a', payload: 1 });
    const early = bus.waitFor('b');
    const left = bus.waitFor('c');
    bus.close();
    const never = { code: 'EVENT_NOT_PUBLISHED', message: expect.stringContaining('an event of b') };
    await expect(early).rejects.toMatchObject(never);
    await expect(bus.waitFor('b')).rejects.toMatchObject(never);
    expect((await bus.waitFor('a')).id).toBe(1);
    void left;
  });

  it('keeps what handlers threw', async () => {
    const bus = new RecordingBus();
    bus.subscribe('a', { owner: 'me' }, () => {
      throw new Error('mine');
    });
    bus.publish({ topic: 'a', payload: 1 });
    await bus.idle();
    expect(bus.failures).toEqual([{ owner: 'me', topic: 'a', error: new Error('mine') }]);
  });
});
