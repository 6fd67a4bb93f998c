import { percentile } from './statistics.mjs';

/** Makes calls, `concurrency` at once, for `durationMs` after a quarter of that as warm-up. */
export async function timeCalls(call, { concurrency, durationMs }) {
  const from = performance.now() + durationMs / 4;
  const until = from + durationMs;
  const latencies = [];
  const drive = async () => {
    for (let now = performance.now(); now < until; ) {
      const started = now;
      await call();
      now = performance.now();
      if (started >= from && now <= until) latencies.push(now - started);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, drive));
  return {
    count: latencies.length,
    perSecond: (latencies.length / durationMs) * 1000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}

/**
 * Makes `count` calls, `concurrency` at once, after a quarter as many as warm-up. Counts where `timeCalls` counts what fits in a time:
 * for calls that take as long as such a time. CPU is that of this process unless `cpuMs` says otherwise.
 */
export async function timeCount(call, { concurrency, count, cpuMs = ownCpuMs }) {
  await callTimes(call, { concurrency, count: Math.ceil(count / 4) });
  const cpuBefore = cpuMs();
  const started = performance.now();
  const latencies = await callTimes(call, { concurrency, count });
  const tookMs = performance.now() - started;
  return {
    count,
    perSecond: (count / tookMs) * 1000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuUs: ((cpuMs() - cpuBefore) / count) * 1000,
    tookMs,
  };
}

async function callTimes(call, { concurrency, count }) {
  const latencies = [];
  let left = count;
  const drive = async () => {
    while (left > 0) {
      left -= 1;
      const started = performance.now();
      await call();
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, drive));
  return latencies;
}

/** All threads of this process. */
function ownCpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
