import { describe, expect, it } from '@jest/globals';
import { config, map, Observable, take, toArray } from 'rxjs';
import { EventBus } from '../src/event-bus.js';
import { FakeClock } from '../src/testing/fake-clock.js';

function make() {
  const errors: unknown[] = [];
  const bus = new EventBus({ clock: new FakeClock(), source: 'host', onHandlerError: (_owner, _topic, error) => void errors.push(error) });
  return { bus, errors };
}

describe('observe', () => {
  it('is an Observable of the same copy of rxjs that others import, fed through a mailbox of its own', async () => {
    const { bus } = make();
    const observable = bus.observe('custom');
    expect(observable).toBeInstanceOf(Observable);
    const seen: number[][] = [];
    observable
      .pipe(
        map(({ id }) => id),
        take(2),
        toArray(),
      )
      .subscribe((batch) => seen.push(batch));
    for (let count = 0; count < 3; count += 1) bus.publish({ topic: 'custom', payload: count });
    await bus.idle();
    expect(seen).toEqual([[1, 2]]);
  });

  it('subscribes when it is subscribed and leaves the bus when it is unsubscribed', async () => {
    const { bus } = make();
    const observable = bus.observe('custom');
    bus.publish({ topic: 'custom', payload: 1 });
    const seen: number[] = [];
    const subscription = observable.subscribe(({ id }) => seen.push(id));
    bus.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    subscription.unsubscribe();
    bus.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    expect(seen).toEqual([2]);
    expect(bus.counters()[0]?.delivered).toBe(1);
  });

  it('reports what a subscriber throws instead of letting RxJS end the process with it', async () => {
    const { bus, errors } = make();
    const healthy: number[] = [];
    bus.observe('custom').subscribe(() => {
      throw new Error('in a subscriber');
    });
    bus.observe('custom').subscribe(({ id }) => healthy.push(id));
    bus.publish({ topic: 'custom', payload: 1 });
    bus.publish({ topic: 'custom', payload: 2 });
    await bus.idle();
    // RxJS reports on a timer of 0 ms
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(errors).toEqual([new Error('in a subscriber'), new Error('in a subscriber')]);
    expect(healthy).toEqual([1, 2]);
  });

  it("leaves alone a hook that someone else set, and replaces another bus's", () => {
    const ours = config.onUnhandledError;
    const theirs = () => undefined;
    config.onUnhandledError = theirs;
    make().bus.observe('custom').subscribe();
    expect(config.onUnhandledError).toBe(theirs);
    config.onUnhandledError = ours;
    make().bus.observe('custom').subscribe();
    expect(config.onUnhandledError).not.toBe(ours);
  });
});
