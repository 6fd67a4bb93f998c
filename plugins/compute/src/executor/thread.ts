import { type MessagePort, parentPort } from 'node:worker_threads';
import type { GuestWasi } from './guest-wasi.js';
import { InstancePool, type PooledInstance } from './instance-pool.js';
import type { GuestCall, GuestNumber, Outcome, PoolOutcome } from './protocol.js';
import type { FromThread, ToThread } from './thread-protocol.js';
import { faultOf } from './trap-kinds.js';

/**
 * An executor thread: runs one guest at a time, to its end. It cannot be spoken to meanwhile; the executor process
 * ends the whole thread when a guest takes too long.
 */
const port = parentPort as MessagePort;
const pool = new InstancePool();

port.on('message', (message: ToThread) => {
  switch (message.type) {
    case 'load':
      return pool.load(message.key, message.module);
    case 'drop':
      return pool.drop(message.key);
    case 'run':
      return answer({ type: 'ran', outcome: run(message.key, message.call), warm: pool.warm(message.key) });
    case 'refill':
      return answer({ type: 'refilled', ok: refill(message.key, message.size), warm: pool.warm(message.key) });
  }
});

function answer(message: FromThread): void {
  port.postMessage(message);
}

function refill(key: string, size: number): boolean {
  try {
    pool.refill(key, size);
    return true;
  } catch {
    // The next call meets the same fault and is the one to hear of it.
    return false;
  }
}

function run(key: string, call: GuestCall): Outcome {
  let taken: { readonly pooled: PooledInstance; readonly outcome: PoolOutcome };
  try {
    taken = pool.take(key);
  } catch (error) {
    return { ok: false, fault: faultOf(error, 'start') };
  }
  const { instance, wasi } = taken.pooled;
  try {
    if (call.wasi !== undefined) wasi?.begin(instance, call.wasi);
    const initialize = instance.exports._initialize;
    if (call.exportName !== '_initialize' && typeof initialize === 'function') initialize();
    const returned = (instance.exports[call.exportName] as (...args: readonly GuestNumber[]) => unknown)(...call.args);
    return { ok: true, result: { results: listOf(returned), wasi: wasi?.end(), pool: taken.outcome } };
  } catch (error) {
    return ended(error, wasi, taken.outcome);
  }
}

/** `proc_exit` leaves the guest by an exception and is no fault. */
function ended(error: unknown, wasi: GuestWasi | undefined, pool: PoolOutcome): Outcome {
  try {
    const exited = wasi?.exitOf(error);
    if (exited !== undefined) return { ok: true, result: { results: [], wasi: exited, pool } };
    return { ok: false, fault: faultOf(error, 'call') };
  } catch (fault) {
    return { ok: false, fault: faultOf(fault, 'call') };
  }
}

/** No result, one, or an array where the function has several. */
function listOf(returned: unknown): readonly GuestNumber[] {
  if (returned === undefined) return [];
  return Array.isArray(returned) ? returned : [returned as GuestNumber];
}
