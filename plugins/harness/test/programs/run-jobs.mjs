// Works on one job until it has ended, and then prints what became of it. With a number as fourth argument it kills itself around that
// write to its database: `7-` before it, `7+` after it.
import { Coordinator } from '../../dist/jobs/coordinator.js';
import { JobStore } from '../../dist/jobs/job-store.js';

const [dataDir, cwd, request, killAt = ''] = process.argv.slice(2);
const [, number, side] = /^(\d+)([+-])$/.exec(killAt) ?? [];
const write = JobStore.prototype.write;
let writes = 0;
JobStore.prototype.write = async function (changes) {
  writes += 1;
  const isMeant = writes === Number(number);
  if (isMeant && side === '-') process.kill(process.pid, 'SIGKILL');
  await write.call(this, changes);
  if (isMeant) process.kill(process.pid, 'SIGKILL');
};

// nothing else keeps this process alive between two steps
const alive = setInterval(() => {}, 1_000);
const services = { display: () => {} };
const coordinator = new Coordinator({ dataDir }, { cwd, maxWorkers: 2, services });
await coordinator.initialize();
const { id } = await coordinator.start(JSON.parse(request));
const report = await coordinator.wait(id);
await coordinator.stop();
clearInterval(alive);
console.log(JSON.stringify(report));
