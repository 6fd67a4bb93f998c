import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** Starts a peer of the workflow figures; undefined, after a line on stderr, where what it needs is not there. */
export async function openPeer(name, { software = '', folder } = {}) {
  const args = [name, software, ...(folder === undefined ? [] : [folder])];
  const child = fork(path.join(import.meta.dirname, 'durable-loop.mjs'), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exit = once(child, 'exit');
  const waiting = new Map();
  const answerTo = (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  child.on('message', ({ id, answer, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new Error(error));
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the peer ${name} ended with ${code}`));
  });
  const close = async () => {
    if (child.connected) child.disconnect();
    await exit;
  };
  let last = 0;
  try {
    await answerTo(0);
  } catch (error) {
    await close();
    console.error(`  the peer ${name} is not measured: ${error.message}`);
    return undefined;
  }
  return {
    pid: child.pid,
    ask(command, how) {
      last += 1;
      child.send({ id: last, command, ...how });
      return answerTo(last);
    },
    close,
    async kill() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
