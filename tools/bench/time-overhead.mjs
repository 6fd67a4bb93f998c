import { percentile } from './statistics.mjs';

/** Calls per sample: one call takes about as long as reading the clock twice. */
const PER_SAMPLE = 50;

/** What one call takes, one after the other, after a warm-up in which the compiler does its work. */
export async function timeOverhead(call, samples) {
  await take(call, Math.ceil(samples / 2));
  const cpuBefore = process.cpuUsage();
  const taken = await take(call, samples);
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    p50Us: percentile(taken, 0.5),
    p99Us: percentile(taken, 0.99),
    cpuUs: (user + system) / (samples * PER_SAMPLE),
  };
}

async function take(call, samples) {
  const taken = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const started = performance.now();
    for (let count = 0; count < PER_SAMPLE; count += 1) await call();
    taken.push(((performance.now() - started) * 1000) / PER_SAMPLE);
    // As in a host that serves others too, the event loop gets its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return taken;
}
