import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that systems give to connections and to who asks for any: one of these might take it before its host does. */
const FIRST = 20_000;
const LAST = 32_000;
const TRIES = 100;

/** A port of loopback that nobody uses at this moment, and that nobody gets by chance later. */
export async function freePort() {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
  throw new Error(`None of ${TRIES} ports between ${FIRST} and ${LAST} is free`);
}

async function isFree(port) {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
