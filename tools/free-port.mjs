import { createServer } from 'node:net';

/**
 * Below those that a system gives out by itself (from 32,768 on Linux, 49,152 elsewhere): who keeps a port in mind and listens there later
 * would now and then find a connection or another server on it.
 */
const FIRST = 20_000;
const COUNT = 12_000;
/** Of one process; another one begins elsewhere. */
const PER_PROCESS = 40;

let asked = 0;

/** A port of loopback that nobody uses at this moment, and that nobody gets who does not ask for it by its number. Another one each time. */
export async function freePort() {
  for (let tries = 0; tries < COUNT; tries += 1) {
    const port = FIRST + ((process.pid * PER_PROCESS + asked) % COUNT);
    asked += 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`No port of 127.0.0.1 from ${FIRST} to ${FIRST + COUNT - 1} is free.`);
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
