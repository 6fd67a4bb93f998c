import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { figure, rounds } from '../statistics.mjs';

const PEERS = { subject: 'RxJS Subject', asap: 'RxJS observeOn(asapScheduler)', emitter: 'EventEmitter' };
const PAYLOAD = 'payload { subsystem, depth, value }, bursts of 1,000';

/**
 * Deliveries within one process, each bus in a process of its own in turn with ours; bytes of a subscription; and events carried to a thread
 * and a process. A Subject and an EventEmitter call their subscribers at once, without a bound and without isolation.
 */
export async function busFigures({ quick }) {
  const count = quick ? 1 : 5;
  const ms = quick ? 200 : 1_500;
  return [
    ...(await deliveries({ count, ms, fanOut: 1 })),
    ...(await deliveries({ count, ms, fanOut: 10 })),
    ...(await deliveries({ count, ms, fanOut: 100 })),
    ...(await memory(quick ? 1 : 3)),
    ...(await across('thread', { count: quick ? 1 : 5, events: quick ? 20_000 : 200_000 })),
    ...(await across('process', { count: quick ? 1 : 5, events: quick ? 20_000 : 200_000 })),
  ];
}

async function deliveries({ count, ms, fanOut }) {
  const measure =
    (who, eventClass = 'data') =>
    () =>
      run('bus-load.mjs', who, eventClass, fanOut, ms);
  const values = await rounds(count, {
    data: measure('bellows'),
    signal: measure('bellows', 'signal'),
    observe: measure('observe'),
    ...Object.fromEntries(Object.keys(PEERS).map((who) => [who, measure(who)])),
  });
  const group = `bus ×${fanOut}`;
  const figures = [];
  const add = (title, who, [low, high], note) => {
    const of = (key) => values[who].map((value) => value[key]);
    figures.push(figure(`${group}: ${title}, deliveries`, '/s', high, of('perSecond'), note));
    figures.push(figure(`${group}: ${title}, CPU of one`, 'ns', low, of('cpuNs')));
  };
  const ours = ['lower', 'higher'];
  add('data', 'data', ours, PAYLOAD);
  add('signal', 'signal', ours);
  add('observe()', 'observe', ours);
  for (const [who, name] of Object.entries(PEERS)) add(`peer, ${name}`, who, ['none', 'none']);
  return figures;
}

async function memory(count) {
  const values = await rounds(count, {
    ours: () => run('bus-memory.mjs', 'bellows'),
    peer: () => run('bus-memory.mjs', 'subject'),
  });
  const of = (who, key) => values[who].map((value) => value[key]);
  return [
    figure('bus memory: a subscription, idle', 'B', 'lower', of('ours', 'idleBytes'), 'of 100,000, without its handler'),
    figure('bus memory: a subscription, used once', 'B', 'lower', of('ours', 'usedBytes'), 'with what tells its waits'),
    figure('bus memory: peer, RxJS Subject, idle', 'B', 'none', of('peer', 'idleBytes')),
    figure('bus memory: peer, RxJS Subject, used once', 'B', 'none', of('peer', 'usedBytes')),
  ];
}

async function across(end, { count, events }) {
  const values = await rounds(count, {
    ours: () => run('bus-across.mjs', 'bridge', end, events),
    peer: () => run('bus-across.mjs', 'one', end, events),
  });
  const of = (who) => values[who].map(({ perSecond }) => perSecond);
  return [
    figure(`bus to a ${end}: bridge, events`, '/s', 'higher', of('ours'), 'batched, bounded, checked'),
    figure(`bus to a ${end}: peer, one message each, events`, '/s', 'none', of('peer')),
  ];
}

function run(script, ...args) {
  const argv = ['--expose-gc', path.join(import.meta.dirname, '..', script), ...args.map(String)];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`${script} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
