import { BatchedSender } from './batched-sender.js';
import { Executor } from './executor.js';
import type { FromExecutor, ToExecutor } from './protocol.js';

/** While work is going on the host hears this often how much memory and how many threads there are, and that all is well. */
const STATS_EVERY_MS = 250;

// The host ends its executors itself: a Ctrl-C in the terminal reaches the whole group and must not overtake it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

// The host has gone, however it went: nobody is left to answer to. Not `exit`, which would wait for running guests.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const sender = new BatchedSender<FromExecutor>((batch) => process.send?.(batch, undefined, {}, () => {}));
const executor = new Executor((message) => {
  sender.send(message);
  reportSoon();
});

process.on('message', (batch: readonly ToExecutor[]) => {
  for (const message of batch) executor.handle(message);
  reportSoon();
});

let reporting = false;

function reportSoon(): void {
  if (reporting) return;
  reporting = true;
  setTimeout(() => {
    reporting = false;
    sender.send(executor.stats());
    if (executor.busy) reportSoon();
  }, STATS_EVERY_MS);
}

sender.send({ type: 'ready' });
sender.flush();
sender.send(executor.stats());
