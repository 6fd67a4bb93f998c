import { Worker } from 'node:worker_threads';

/** Plain worker threads with one message per call: what calling wasm off the main thread costs without any of our promises. */
export function openWorkerPool(bytes, size) {
  const waiting = new Map();
  let id = 0;
  const workers = Array.from({ length: size }, () => {
    const worker = new Worker(new URL('./wasm-worker.mjs', import.meta.url), { workerData: bytes });
    worker.on('message', (answer) => {
      waiting.get(answer.id)(answer.results);
      waiting.delete(answer.id);
    });
    return worker;
  });
  return {
    call(name, args) {
      id += 1;
      const message = { id, name, args };
      workers[id % size].postMessage(message);
      return new Promise((resolve) => waiting.set(message.id, resolve));
    },
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}
