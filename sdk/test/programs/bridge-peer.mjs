// The other side of a bridge: a thread or a forked process with a bus of its own. What it hears on `ask` it answers on `answer`; on
// `leave` it ends without a word, and on `stray` it sends what no bridge sends. Uses the built package.
import { isMainThread, parentPort } from 'node:worker_threads';
import { busPortOf, EventBus, systemClock } from '../../dist/index.js';

const end = isMainThread ? process : parentPort;
const bus = new EventBus({ clock: systemClock, source: 'guest' });
bus.bridge(busPortOf(end), {
  send: ['answer', 'answer.signal'],
  accept: { topics: ['ask', 'status', 'control', 'leave', 'stray'], sources: ['host', 'plugin'] },
});
bus.subscribe('*', {}, (event) => {
  if (event.source !== 'guest') bus.publish({ topic: 'answer', payload: { heard: event }, key: String(event.id) });
});
bus.subscribe('status', {}, ({ payload }) => void bus.publish({ topic: 'answer.signal', class: 'signal', payload }));
bus.subscribe('leave', {}, () => process.exit(3));
bus.subscribe('stray', {}, () => {
  const message = { 'bellows/bus': 1, kind: 'events', dropped: 0, events: [['__proto__']] };
  if (isMainThread) process.send(message);
  else parentPort.postMessage(message);
});
