// Executes made-up runs in the folder named by the first argument and prints every step once it is promised to be durable:
// the key of the run and the number of its last event. Run as a process of its own and killed from outside; uses the built package.
import { silentLogger, systemClock } from '@bellows/sdk';
import { FlowStore } from '../../../dist/store/flow-store.js';

const STEPS = 4;
const AT_ONCE = 20;
/** More than it is let live for; a killer that is held up for seconds shall not meet a hundred thousand. */
const MAX_STEPS = 4_000;
const store = await FlowStore.open(process.argv[2], { clock: systemClock, logger: silentLogger });
const session = process.argv[3];
let steps = 0;

function step(run, seq) {
  const last = seq === STEPS;
  const at = Date.now();
  store.submit({
    run,
    ...(seq === 1 ? { newRun: newRun(run) } : {}),
    events: [{ seq, type: last ? 'run.completed' : 'stage.completed', stage: seq, attempt: 1, at, data: `{"value":${run}}` }],
    ...(seq === 2 ? { setWaits: [{ run, stage: 2, dueAt: at }], dormant: true } : {}),
    ...(seq === 3 ? { clearWaits: [2], dormant: false } : {}),
    projection: {
      status: last ? 'completed' : 'running',
      updatedAt: at,
      endedAt: last ? at : null,
      output: last ? `{"value":${run}}` : null,
      error: null,
    },
    onFailure: 'keep',
    done(error) {
      if (error !== null) throw error;
      process.stdout.write(`${run} ${seq}\n`);
      steps += 1;
      if (steps > MAX_STEPS) return;
      if (last) step(store.nextKey(), 1);
      else step(run, seq + 1);
    },
  });
}

function newRun(key) {
  return {
    key,
    id: `${session}/${key}`,
    name: 'loop',
    version: 1,
    input: '{"value":null}',
    inputHash: '',
    attributes: {},
    priority: 0,
    tenant: 'default',
    user: 'default',
    authority: { role: 'admin', runsCommands: false },
    parent: null,
    createdAt: Date.now(),
  };
}

for (let index = 0; index < AT_ONCE; index += 1) step(store.nextKey(), 1);
// it lives until it is killed, or who started it is gone
process.stdin.resume().once('end', () => process.exit(1));
