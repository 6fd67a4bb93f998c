import { Worker } from 'node:worker_threads';

/** No single case may hold up the event loop for so long. */
const SILENCE_MS = 20_000;

/**
 * Ends the process, from a thread, when the main one does not come back from a case: nothing else would ever say which one it was.
 * `beat` is called before each case.
 */
export function startWatchdog() {
  const beats = new Int32Array(new SharedArrayBuffer(8));
  const code = `
    const { workerData: { beats, silenceMs }, parentPort } = require('node:worker_threads');
    const { writeSync } = require('node:fs');
    let before = -1;
    let since = performance.now();
    setInterval(() => {
      const now = Atomics.load(beats, 0);
      if (now !== before) { before = now; since = performance.now(); return; }
      if (performance.now() - since < silenceMs) return;
      writeSync(2, 'FAIL case ' + now + ' of the target in work has held up the process for ' + silenceMs / 1000 + ' s\\n');
      process.kill(process.pid, 'SIGKILL');
    }, 500);`;
  const worker = new Worker(code, { eval: true, workerData: { beats, silenceMs: SILENCE_MS } });
  worker.unref();
  return { beat: () => Atomics.add(beats, 0, 1), stop: () => void worker.terminate() };
}
