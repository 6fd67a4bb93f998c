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
