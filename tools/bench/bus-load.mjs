// node bus-load.mjs WHO CLASS FAN-OUT MS: publishes bursts of frozen events to that many subscribers for that long, in a process of its own
// so that no bus is slower for what another one has taught the compiler, and writes { perSecond, cpuNs } as JSON.
import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { EventBus, systemClock } from '@bellows/sdk';
import { asapScheduler, observeOn, Subject } from 'rxjs';

/** Fits every mailbox, and is long enough that the turn of the event loop between two of them hardly counts. */
const BURST = 1_000;
const WARM_UP_MS = 300;
const TOPIC = 'bench.load';

/** Each takes subscribers and answers what publishes one event. */
const BUSES = {
  bellows(handlers, eventClass) {
    const bus = new EventBus({ clock: systemClock, source: 'bench' });
    for (const handler of handlers) bus.subscribe(TOPIC, {}, handler);
    return (n) => bus.publish({ topic: TOPIC, class: eventClass, payload: payload(n) });
  },
  observe(handlers, eventClass) {
    const bus = new EventBus({ clock: systemClock, source: 'bench' });
    for (const handler of handlers) bus.observe(TOPIC).subscribe(handler);
    return (n) => bus.publish({ topic: TOPIC, class: eventClass, payload: payload(n) });
  },
  subject(handlers) {
    const subject = new Subject();
    for (const handler of handlers) subject.subscribe(handler);
    return (n) => subject.next(envelope(n));
  },
  asap(handlers) {
    const subject = new Subject();
    for (const handler of handlers) subject.pipe(observeOn(asapScheduler)).subscribe(handler);
    return (n) => subject.next(envelope(n));
  },
  emitter(handlers) {
    const emitter = new EventEmitter({ captureRejections: false }).setMaxListeners(0);
    for (const handler of handlers) emitter.on(TOPIC, handler);
    return (n) => emitter.emit(TOPIC, envelope(n));
  },
};

const [who, eventClass, fanOut, durationMs] = process.argv.slice(2);
let received = 0;
let sum = 0;
const handlers = Array.from({ length: Number(fanOut) }, () => (event) => {
  received += 1;
  sum += event.payload.value;
});
const publish = BUSES[who](handlers, eventClass);
await load(WARM_UP_MS);
const cpu = process.cpuUsage();
const { deliveries, seconds } = await load(Number(durationMs));
const { user, system } = process.cpuUsage(cpu);
if (!Number.isFinite(sum)) throw new Error('the events did not arrive whole');
console.log(JSON.stringify({ perSecond: deliveries / seconds, cpuNs: ((user + system) * 1000) / deliveries }));

async function load(ms) {
  const before = received;
  const from = performance.now();
  let published = 0;
  do {
    for (let n = 0; n < BURST; n += 1) publish(n);
    published += BURST;
    do await turn();
    while (received - before < published * handlers.length);
  } while (performance.now() - from < ms);
  return { deliveries: received - before, seconds: (performance.now() - from) / 1000 };
}

function payload(n) {
  return { subsystem: 'bench.load', depth: n, value: n * 0.5 };
}

/** What `publish` of the bus builds, for those who do not build it. */
function envelope(n) {
  return Object.freeze({ topic: TOPIC, id: n, at: Date.now(), source: 'bench', version: 1, payload: Object.freeze(payload(n)) });
}
