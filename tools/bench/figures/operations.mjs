import path from 'node:path';
import { root, withHost } from '../../with-host.mjs';
import { figure, rounds } from '../statistics.mjs';

/** What is measured, and how it is called in the report. */
const CALLS = {
  any: 'call inside of the host',
  deadline: 'call with a deadline',
  shaped: 'call with schemas to check',
  direct: 'peer, the bare handler',
};

/** What the host adds to a handler: rights, limits, deadline, trace and counting; and apart from that, checking input and answer. */
export async function operationFigures({ quick }) {
  const plugins = { bench: { from: path.join(root, 'tools/bench/plugin') } };
  return withHost(
    async (host) => {
      const measure = (what) => () => host.call('bench.overhead', { what, samples: quick ? 200 : 4_000 });
      const values = await rounds(quick ? 1 : 5, Object.fromEntries(Object.keys(CALLS).map((what) => [what, measure(what)])));
      return Object.entries(CALLS).flatMap(([what, title]) => {
        const better = what === 'direct' ? 'none' : 'lower';
        const of = (key) => values[what].map((value) => value[key]);
        return [
          figure(`operations: ${title}, p50`, 'µs', better, of('p50Us')),
          figure(`operations: ${title}, p99`, 'µs', better, of('p99Us')),
          figure(`operations: ${title}, CPU per call`, 'µs', better, of('cpuUs')),
        ];
      });
    },
    { plugins },
  );
}
