// node --expose-gc bus-memory.mjs WHO: heap bytes of one of many subscriptions, idle and after its first event, as JSON.
import { EventBus, systemClock } from '@bellows/sdk';
import { Subject } from 'rxjs';

const SUBSCRIPTIONS = 100_000;
const TOPICS = 100;

const who = process.argv[2];
const handlers = Array.from({ length: SUBSCRIPTIONS }, () => () => {});
const made = who === 'bellows' ? bellows() : subjects();
const before = heapBytes();
const kept = handlers.map((handler, index) => made.subscribe(index % TOPICS, handler));
const idle = heapBytes();
await made.publish();
const used = heapBytes();
console.log(JSON.stringify({ idleBytes: (idle - before) / SUBSCRIPTIONS, usedBytes: (used - before) / SUBSCRIPTIONS, of: kept.length }));

function bellows() {
  const bus = new EventBus({ clock: systemClock, source: 'bench' });
  for (let topic = 0; topic < TOPICS; topic += 1) bus.publish({ topic: `t${topic}`, payload: 0 });
  return {
    subscribe: (topic, handler) => bus.subscribe(`t${topic}`, {}, handler),
    async publish() {
      for (let topic = 0; topic < TOPICS; topic += 1) bus.publish({ topic: `t${topic}`, payload: 1 });
      await bus.idle();
    },
  };
}

function subjects() {
  const all = Array.from({ length: TOPICS }, () => new Subject());
  return {
    subscribe: (topic, handler) => all[topic].subscribe(handler),
    publish() {
      for (const subject of all) subject.next(1);
    },
  };
}

function heapBytes() {
  for (let times = 0; times < 3; times += 1) gc();
  return process.memoryUsage().heapUsed;
}
