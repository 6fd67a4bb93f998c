import assert from 'node:assert/strict';
import { EventBus, systemClock } from '@bellows/sdk';
import { map } from 'rxjs';

export const what = 'a flood of events from and to plugins that throw, hang, leave and answer; timers stay on time and the heap flat';

/** So many deliveries at most between two turns of the event loop: more would mean that the bus had taken a timer's turn. */
const MOST_IN_A_TURN = 4_096 + 64;
/** What a full mailbox of each subscriber and the machine of the measurement take; a leak of a flood is more after some seconds. */
const MOST_GROWTH_BYTES = 16 * 2 ** 20;

/** Millions of events that feed themselves; a check once per turn, and of the heap once a second. */
export async function run({ random, durationMs, tell }) {
  let failures = 0;
  let inTurn = 0;
  let most = 0;
  let handled = 0;
  let published = 0;
  const bus = new EventBus({ clock: systemClock, source: 'host', onHandlerError: () => void (failures += 1) });
  const publish = () => {
    published += 1;
    bus.publish({
      topic: TOPICS[Math.floor(random() * TOPICS.length)],
      payload: { n: published },
      class: CLASSES[Math.floor(random() * 20)] ?? 'data',
    });
  };
  const counted = (then) => (event) => {
    inTurn += 1;
    handled += 1;
    return then(event);
  };
  const fail = () => {
    throw new Error('planned');
  };
  bus.subscribe(
    '*',
    {},
    counted(() => random() < 0.9 && publish()),
  );
  bus.subscribe(
    '*',
    { policy: 'drop-oldest', capacity: 16 },
    counted(() => random() < 0.5 && publish()),
  );
  bus.subscribe('t0', {}, counted(fail));
  // slow ones take data only: what is never shed would fill the memory, as promised
  bus.subscribe(
    't1',
    { class: 'data' },
    counted(async () => fail()),
  );
  bus.subscribe('t2', { class: 'data' }, () => new Promise(() => {})); // never ends
  bus.subscribe(
    't3',
    { policy: 'conflate', class: 'data' },
    counted(() => systemClock.sleep(1)),
  );
  bus.observe('t0').subscribe(fail);
  bus
    .observe('t1')
    .pipe(map(fail))
    .subscribe({ error: () => {} });
  let last = 0;
  bus.subscribe(
    't0',
    { class: 'signal' },
    counted(({ id }) => {
      assert.ok(id > last, 'signals in order');
      last = id;
    }),
  );

  const heaps = [];
  const until = performance.now() + durationMs;
  let turns = 0;
  let nextLookMs = 0;
  while (performance.now() < until) {
    for (let n = 0; n < 64; n += 1) publish();
    const leaving = bus.subscribe('*', {}, () => leaving.unsubscribe());
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
    most = Math.max(most, inTurn);
    inTurn = 0;
    if (performance.now() < nextLookMs) continue;
    nextLookMs = performance.now() + 1_000;
    gc();
    heaps.push(process.memoryUsage().heapUsed);
    tell(`${published.toLocaleString('en-US')} published, ${turns} turns, heap ${Math.round(heaps.at(-1) / 2 ** 20)} MiB`);
  }
  assert.ok(turns > 1, 'a turn for others');
  assert.ok(most <= 2 * MOST_IN_A_TURN, `${most} deliveries between two turns`);
  assert.ok(failures > 0, 'failures are reported');
  const [first = 0] = heaps.slice(1);
  assert.ok(
    heaps.every((bytes) => bytes - first < MOST_GROWTH_BYTES),
    `the heap grew from ${first} to ${Math.max(...heaps)}`,
  );
  bus.close();
  return { published, handled, failures, turns, mostInATurn: most };
}

const TOPICS = ['t0', 't1', 't2', 't3'];
/** Of twenty events one is a signal and one is control. */
const CLASSES = ['signal', 'control'];
