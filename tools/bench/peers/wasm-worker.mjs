// One thread of the peer: a new instance of the same module for each call, no limits, no isolation, no deadline.
import { parentPort, workerData } from 'node:worker_threads';

const module = new WebAssembly.Module(workerData);
parentPort.on('message', ({ id, name, args }) => {
  const { exports } = new WebAssembly.Instance(module);
  parentPort.postMessage({ id, results: [exports[name](...args)] });
});
