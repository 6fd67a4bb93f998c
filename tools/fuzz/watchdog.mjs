import { Worker } from 'node:worker_threads';

/** No single case may hold up the event loop for so long. */
const SILENCE_MS = 20_000;
const LOOKS_IN_SILENCE = 40;

/**
 * Ends the process, from a thread, when the main one does not come back from a case: nothing else would ever say which one it was.
 * `beat` is called before each case, `enter` before those of a target, with how to see them again.
 */
export function startWatchdog(silenceMs = SILENCE_MS) {
  const beats = new Int32Array(new SharedArrayBuffer(8));
  const code = `
    const { workerData: { beats, silenceMs }, parentPort } = require('node:worker_threads');
    const { writeSync } = require('node:fs');
    let target = 'no target';
    parentPort.on('message', (entered) => { target = entered; });
    let before = -1;
    let since = performance.now();
    setInterval(() => {
      const now = Atomics.load(beats, 0);
      if (now !== before) { before = now; since = performance.now(); return; }
      if (performance.now() - since < silenceMs) return;
      writeSync(2, 'FAIL ' + target + ' has held up the process for ' + silenceMs / 1000 + ' s\\n');
      process.kill(process.pid, 'SIGKILL');
    }, silenceMs / ${LOOKS_IN_SILENCE});`;
  const worker = new Worker(code, { eval: true, workerData: { beats, silenceMs } });
  worker.unref();
  return { beat: () => Atomics.add(beats, 0, 1), enter: (target) => worker.postMessage(target), stop: () => void worker.terminate() };
}
