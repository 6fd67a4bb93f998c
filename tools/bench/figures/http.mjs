import path from 'node:path';
import { freePort } from '../../free-port.mjs';
import { root, withHost } from '../../with-host.mjs';
import { load } from '../keep-alive-client.mjs';
import { cpuMs, familyOf, withProcess } from '../processes.mjs';
import { CALL, putSample } from '../sample-module.mjs';
import { figure, rounds } from '../statistics.mjs';

const ECHO = path.join(import.meta.dirname, '../peers/echo-server.mjs');
const BODY = JSON.stringify(CALL);

/** One host and one peer for all rounds, measured in turn. */
export async function httpFigures({ quick }) {
  const port = await freePort();
  const plugins = { compute: { from: path.join(root, 'plugins/compute') }, bench: { from: path.join(root, 'tools/bench/plugin') } };
  return withProcess([ECHO, String(port)], (peer) =>
    withHost(
      async ({ url, pid }) => {
        await putSample(url);
        const targets = [
          ['compute.invoke', `${url}/v1/operations/compute.invoke`, pid, 'lower', 'higher'],
          ['an operation that does nothing', `${url}/v1/operations/bench.echo`, pid, 'lower', 'higher'],
          ['peer, Fastify echo', `http://127.0.0.1:${port}/echo`, peer.pid, 'none', 'none'],
        ];
        const figures = [];
        for (const concurrency of [1, 8, 64]) {
          const measures = Object.fromEntries(
            targets.map(([name, target, pidOfTarget]) => [
              name,
              () => measure(target, { pid: pidOfTarget, concurrency, durationMs: quick ? 500 : 4_000 }),
            ]),
          );
          const values = await rounds(quick ? 1 : 5, measures);
          for (const [name, , , low, high] of targets) {
            const of = (key) => values[name].map((value) => value[key]);
            const title = `http ×${concurrency}: ${name}`;
            figures.push(figure(`${title}, per second`, '/s', high, of('perSecond')));
            figures.push(figure(`${title}, p50`, 'ms', low, of('p50Ms')), figure(`${title}, p99`, 'ms', low, of('p99Ms')));
            figures.push(figure(`${title}, CPU per call`, 'µs', low, of('cpuUs')));
          }
        }
        return figures;
      },
      { plugins },
    ),
  );
}

async function measure(target, { pid, concurrency, durationMs }) {
  const { measuring, done } = await load(target, { body: BODY, concurrency, durationMs });
  await measuring;
  const before = cpuMs(familyOf(pid));
  const result = await done;
  const usedMs = cpuMs(familyOf(pid)) - before;
  return { ...result, cpuUs: (usedMs / result.count) * 1000 };
}
