import path from 'node:path';
import { freePort } from '../../free-port.mjs';
import { withHost } from '../../with-host.mjs';
import { load } from '../keep-alive-client.mjs';
import { familyOf, memoryOf, withProcess } from '../processes.mjs';
import { CALL, putSample } from '../sample-module.mjs';
import { figure, rounds } from '../statistics.mjs';

const ECHO = path.join(import.meta.dirname, '../peers/echo-server.mjs');

/** After some calls, so that an executor runs, and some rest, so that what they left is collected. */
export async function memoryFigures({ quick }) {
  const restMs = quick ? 500 : 5_000;
  const values = await rounds(quick ? 1 : 3, { host: () => ofHost(restMs), peer: () => ofPeer(restMs) });
  const of = (who, key) => values[who].map((reading) => reading[key]);
  const executors = `with ${values.host.at(-1).executors} executor process(es)`;
  return [
    figure('memory: host and executors, PSS', 'MiB', 'lower', of('host', 'pssMiB'), executors),
    figure('memory: host and executors, RSS', 'MiB', 'lower', of('host', 'rssMiB'), 'shared pages counted once per process'),
    figure('memory: host alone, RSS', 'MiB', 'lower', of('host', 'hostRssMiB')),
    figure('memory: peer, bare Fastify, RSS', 'MiB', 'none', of('peer', 'rssMiB')),
    figure('memory: peer, bare Fastify, PSS', 'MiB', 'none', of('peer', 'pssMiB')),
  ];
}

function ofHost(restMs) {
  return withHost(async ({ url, pid }) => {
    await putSample(url);
    const { done } = await load(`${url}/v1/operations/compute.invoke`, { body: JSON.stringify(CALL), concurrency: 2, durationMs: 500 });
    await done;
    await rest(restMs);
    const readings = familyOf(pid).map(memoryOf);
    const sum = (key) => readings.reduce((total, reading) => total + reading[key], 0);
    return { pssMiB: sum('pssMiB'), rssMiB: sum('rssMiB'), hostRssMiB: readings[0].rssMiB, executors: readings.length - 1 };
  });
}

async function ofPeer(restMs) {
  const port = await freePort();
  return withProcess([ECHO, String(port)], async (child) => {
    await rest(1_000);
    const { done } = await load(`http://127.0.0.1:${port}/echo`, { body: JSON.stringify(CALL), concurrency: 2, durationMs: 500 });
    await done;
    await rest(restMs);
    return memoryOf(child.pid);
  });
}

function rest(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
