// node bus-across.mjs HOW END COUNT: carries that many events to a thread or a process, by a bridge of the bus or by one message for each, and
// writes how many arrive per second as JSON.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { busPortOf, EventBus, systemClock } from '@bellows/sdk';

/** As many as may wait at a time without being shed. */
const BURST = 500;
const [how, end, count] = process.argv.slice(2);
const far = !isMainThread || process.send !== undefined;
if (far) answer(isMainThread ? process : parentPort);
else await measure();

async function measure() {
  const argv = [how, end, count];
  const peer =
    end === 'thread' ? new Worker(new URL(import.meta.url), { argv }) : fork(import.meta.filename, argv, { serialization: 'advanced' });
  await once(peer, 'message');
  const done = new Promise((resolve) => peer.on('message', (message) => message === 'done' && resolve()));
  const send = how === 'bridge' ? overBridge(peer) : oneByOne(peer);
  const from = performance.now();
  for (let sent = 0; sent < Number(count); sent += BURST) await send(sent);
  await done;
  const perSecond = Number(count) / ((performance.now() - from) / 1000);
  if (end === 'thread') await peer.terminate();
  else peer.kill();
  console.log(JSON.stringify({ perSecond }));
}

function overBridge(peer) {
  const bus = new EventBus({ clock: systemClock, source: 'bench' });
  const bridge = bus.bridge(busPortOf(peer), { send: ['bench.load'] });
  return async (first) => {
    for (let n = first; n < first + BURST; n += 1) bus.publish({ topic: 'bench.load', payload: payload(n) });
    do await turn();
    while (bridge.stats().waiting > BURST / 2);
    if (bridge.stats().dropped > 0) throw new Error('events were shed');
  };
}

function oneByOne(peer) {
  const post = peer instanceof Worker ? (event) => peer.postMessage(event) : (event) => peer.send(event);
  return async (first) => {
    for (let n = first; n < first + BURST; n += 1) {
      post(Object.freeze({ topic: 'bench.load', id: n, at: Date.now(), source: 'bench', version: 1, payload: Object.freeze(payload(n)) }));
    }
    await turn();
  };
}

function answer(port) {
  const tell = isMainThread ? (text) => port.send(text) : (text) => port.postMessage(text);
  let left = Number(count);
  const hear = () => {
    left -= 1;
    if (left === 0) tell('done');
  };
  if (how === 'bridge') {
    const bus = new EventBus({ clock: systemClock, source: 'far' });
    bus.bridge(busPortOf(port), { accept: { topics: ['bench.load'], sources: ['bench'] } });
    bus.subscribe('bench.load', { capacity: Number.POSITIVE_INFINITY }, hear);
  } else port.on('message', hear);
  tell('ready');
}

function payload(n) {
  return { subsystem: 'bench.load', depth: n, value: n * 0.5 };
}
