// How a run ends: by itself, by a signal, or because whoever started it has gone. Built-ins of Node 18 only.
import { closeSync, openSync } from 'node:fs';
import os from 'node:os';

/** How often a process looks whether the one that started it is still there. */
const ORPHAN_CHECK_MS = 300;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const parent = process.ppid;
// Now: of one that has closed nothing is to be seen any more.
const hadTerminal = hasTerminal();
const duties = new Set();
process.on('exit', doDuties);

/** What is to be done before this process ends, whatever ends it but SIGKILL. Returns how to do it now, and no more at the end. */
export function beforeEnd(duty) {
  duties.add(duty);
  return () => {
    if (duties.delete(duty)) duty();
  };
}

/**
 * Calls `onSignal` for each signal that asks this process to end, which then ends only by what `onSignal` does; also with SIGTERM when
 * the parent has gone: `kill` on npm ends its shell but not this process (dash passes no signal on). That once, and not after another:
 * a second signal would end a host at once, and not in order. SIGINT does not count, it may have come here alone; nor does SIGHUP where
 * there is no terminal that could have closed: a host reloads for it and goes on.
 * Returns how to stop listening.
 */
export function onSignals(onSignal) {
  let isAsked = false;
  const listen = (signal) => {
    isAsked ||= signal !== 'SIGINT' && (signal !== 'SIGHUP' || hadTerminal);
    onSignal(signal);
  };
  for (const signal of SIGNALS) process.on(signal, listen);
  let isOrphan = false;
  const timer = setInterval(() => {
    if (process.ppid === parent || isAsked) return;
    // a terminal that closes ends the parent and tells this process at once: what it tells may still be on its way when that is seen
    if (isOrphan) listen('SIGTERM');
    isOrphan = true;
  }, ORPHAN_CHECK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    for (const signal of SIGNALS) process.off(signal, listen);
  };
}

/** Whether a terminal controls this process. */
function hasTerminal() {
  if (process.platform === 'win32') return true;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Ends this process as that signal does. */
export function endBy(signal) {
  doDuties();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(128 + (os.constants.signals[signal] ?? 0)); // the first process of a container takes no signal from itself
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}

function doDuties() {
  for (const duty of duties) duty();
  duties.clear();
}
