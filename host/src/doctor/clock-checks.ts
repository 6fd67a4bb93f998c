import { type Finding, fail, ok, type Place, unknown, warn } from './finding.js';

/** Before this version of Bellows was written. */
const EARLIEST = Date.UTC(2024, 0, 1);
const SAMPLE_MS = 200;
/** Clocks are slewed by 0.05 % at most; more within the sample is a jump. */
const JUMP_MS = 50;

/** Compares the wall clock with the monotonic one over a moment: durable timers are kept in wall time. */
export async function checkClock({ probes: { clock } }: Place): Promise<Finding> {
  const [wall, steady] = [clock.now(), clock.monotonicMs()];
  if (wall < EARLIEST)
    return fail(`the clock says ${new Date(wall).toISOString()}`, 'Set the time of the machine: timers and schedules go by it.');
  await clock.sleep(SAMPLE_MS);
  const driftMs = Math.round(clock.now() - wall - (clock.monotonicMs() - steady));
  if (Math.abs(driftMs) < JUMP_MS) return ok(`${new Date(wall).toISOString()}, steady`);
  return warn(
    `the clock jumped by ${driftMs} ms within a moment`,
    'Let a time service slew it instead of setting it; timers follow the jump.',
  );
}

const TIMER_SAMPLES = 10;
const SLOW_TIMER_MS = 50;

/** How late timers of one millisecond come; the median, so that one pause of the machine does not count. */
export async function checkTimers({ probes: { clock } }: Place): Promise<Finding> {
  const late: number[] = [];
  for (let sample = 0; sample < TIMER_SAMPLES; sample += 1) {
    const from = clock.monotonicMs();
    await clock.sleep(1);
    late.push(clock.monotonicMs() - from);
  }
  const median = late.sort((a, b) => a - b)[TIMER_SAMPLES / 2] ?? 0;
  const found = `a timer of 1 ms takes ${median.toFixed(1)} ms`;
  if (median < SLOW_TIMER_MS) return ok(found);
  return warn(found, 'The machine is overloaded or throttled; deadlines and pauses come late by as much.');
}

/** What systemd-timesyncd leaves behind when it has set the clock. */
const SYNCHRONIZED = '/run/systemd/timesync/synchronized';
/** Processes that keep the time, as they are called in /proc. */
const SERVICES: ReadonlySet<string> = new Set(['chronyd', 'ntpd', 'systemd-timesyn', 'openntpd', 'ptp4l']);

/** Whether something keeps the time, as far as files tell it: no program is started for it. */
export async function checkTimeService({ probes }: Place): Promise<Finding> {
  if (probes.platform !== 'linux') return unknown('it is looked for on Linux only');
  if (await probes.stat(SYNCHRONIZED)) return ok('systemd-timesyncd has set the clock');
  for (const pid of await probes.list('/proc')) {
    const name = /^\d+$/.test(pid) ? (await probes.readText(`/proc/${pid}/comm`))?.trim() : undefined;
    if (name !== undefined && SERVICES.has(name)) return ok(`${name} runs`);
  }
  return unknown('no service that keeps the time is seen here (in a container the machine outside may have one)');
}
