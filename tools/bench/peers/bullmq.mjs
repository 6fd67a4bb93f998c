// BullMQ with Redis: a flow of three jobs that do nothing, each the child of the next, and a worker in the same process.
import { startRedis } from './servers.mjs';
import { softwareFrom } from './software.mjs';

const QUEUE = 'steps';
/** Jobs at once; more made no difference. */
const CONCURRENCY = 100;

export async function open(folder, software) {
  const { FlowProducer, Worker } = softwareFrom(software, 'bullmq');
  softwareFrom(software, 'ioredis'); // BullMQ itself asks for it only later
  const server = await startRedis(folder);
  const connection = { path: server.socket, maxRetriesPerRequest: null };
  const ended = new Map();
  const worker = new Worker(QUEUE, async () => null, { connection, concurrency: CONCURRENCY });
  const flows = new FlowProducer({ connection });
  worker.on('completed', (job) => {
    ended.get(job.id)?.();
    ended.delete(job.id);
  });
  worker.on('error', (error) => console.error(error.message));
  let last = 0;
  await worker.waitUntilReady();
  return {
    run() {
      last += 1;
      const jobId = `run-${last}`;
      const done = new Promise((resolve) => ended.set(jobId, resolve));
      const step = (name, rest) => ({ name, queueName: QUEUE, data: {}, ...rest });
      const flow = step('c', { opts: { jobId }, children: [step('b', { children: [step('a')] })] });
      return Promise.all([flows.add(flow), done]);
    },
    async close() {
      await worker.close(true);
      await flows.close();
      await server.stop();
    },
  };
}
