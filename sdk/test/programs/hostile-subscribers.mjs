// A process in which every subscriber but two misbehaves, and which has no handler for errors that nobody caught: it ends with 0 and tells
// what the two healthy ones have heard, or it ends with the first error that gets out of the bus. Uses the built package.
import { asapScheduler, concatMap, delay, from, map, mergeMap, observeOn, take, tap } from 'rxjs';
import { EventBus, systemClock } from '../../dist/index.js';

const poisoned = new Proxy({}, { get: fail('get'), has: fail('has'), getPrototypeOf: fail('prototype'), ownKeys: fail('keys') });
let reports = 0;
const bus = new EventBus({
  clock: systemClock,
  source: 'host',
  onHandlerError(_owner, _topic, error) {
    reports += 1;
    throw error; // a report that fails is the bus's business too
  },
});

// biome-ignore-start lint/suspicious/noThenProperty: thenables that misbehave are what is tried
for (const value of [new Error('x'), undefined, 'text', Symbol('s'), poisoned, Object.create(null)]) {
  bus.subscribe('custom', {}, fail(value));
  bus.subscribe('custom', {}, async () => fail(value)());
  bus.subscribe('*', {}, () => ({ then: fail(value) }));
  bus.subscribe('custom', {}, () => Object.assign(Promise.resolve(), { then: fail(value) }));
  bus.observe('custom').subscribe(fail(value));
  bus.observe('custom').subscribe({ next: fail(value), error: fail(value), complete: fail(value) });
  bus
    .observe('custom')
    .pipe(map(fail(value)))
    .subscribe();
  bus
    .observe('custom')
    .pipe(map(fail(value)))
    .subscribe({ error: fail(value) });
  bus
    .observe('custom')
    .pipe(take(1))
    .subscribe({ complete: fail(value) });
  bus
    .observe('custom')
    .pipe(delay(1), tap(fail(value)))
    .subscribe();
  bus.observe('custom').pipe(observeOn(asapScheduler)).subscribe(fail(value));
  bus
    .observe('custom')
    .pipe(concatMap(async () => fail(value)()))
    .subscribe();
  bus
    .observe('custom')
    .pipe(mergeMap(() => from(Promise.reject(value))))
    .subscribe();
  bus.observe('no topic').subscribe();
} // biome-ignore-end lint/suspicious/noThenProperty: see above

let healthy = 0;
let observed = 0;
bus.subscribe('custom', {}, () => void (healthy += 1));
bus.observe('custom').subscribe(() => void (observed += 1));

for (let n = 0; n < 50; n += 1) {
  bus.publish({ topic: 'custom', payload: n });
  await new Promise((resolve) => setTimeout(resolve, 1));
}
await bus.idle();
// what is late comes with timers of a millisecond
await new Promise((resolve) => setTimeout(resolve, 20));
console.log(JSON.stringify({ healthy, observed, reports }));

function fail(value) {
  return () => {
    throw value;
  };
}
