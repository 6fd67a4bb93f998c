import { type ILogger, silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { AttemptPauses } from '../../src/jobs/attempt-pauses.js';
import type { FailureReason } from '../../src/jobs/job-records.js';

function pauses() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const logger: ILogger = { ...silentLogger, warn: (message) => void lines.push(message) };
  const made = new AttemptPauses({ clock, random: { next: () => 1 }, logger });
  const fail = (reason: FailureReason, { jobId = 'job', attempts = 1, ranMs = 0 } = {}) =>
    made.pauseMs({ jobId, reason, attempts, startedAtMs: clock.monotonicMs() - ranMs });
  const failTimes = (times: number) => Array.from({ length: times }, () => fail('agent_failed'));
  return { clock, lines, made, fail, failTimes };
}

describe('AttemptPauses', () => {
  it('waits longer with each attempt after what the machine or the repository did', () => {
    const { fail } = pauses();
    expect([1, 2, 3].map((attempts) => fail('workspace_failed', { attempts }))).toEqual([100, 200, 400]);
  });

  it('lets agents that fail now and then be tried again at once, for days', async () => {
    const { clock, fail, lines } = pauses();
    for (let hour = 0; hour < 24 * 30; hour += 1) {
      expect(fail('agent_failed')).toBe(0);
      await clock.advance(3_600_000);
    }
    expect(lines).toEqual([]);
  });

  it('spaces a storm of failing agents out, up to half a minute, and says so once', () => {
    const { failTimes, lines } = pauses();
    expect(failTimes(10)).toEqual(Array(10).fill(0));
    expect(failTimes(11)).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
    expect(lines).toEqual(['The agents of a job fail one after the other: attempts are spaced out']);
  });

  it('begins with short pauses again after an agent that ran for long', () => {
    const { failTimes, fail } = pauses();
    failTimes(15);
    expect(fail('agent_failed', { ranMs: 600_000 })).toBe(100);
  });

  it('gives each job a budget of its own, and an ended one none', () => {
    const { failTimes, fail, made } = pauses();
    failTimes(12);
    expect(fail('agent_failed', { jobId: 'other' })).toBe(0);
    made.forget('job');
    expect(fail('agent_failed')).toBe(0);
  });

  it('does not count what says nothing of the agents', () => {
    const { failTimes, fail } = pauses();
    for (let times = 0; times < 20; times += 1) expect(fail('verification_failed')).toBe(0);
    expect(failTimes(10)).toEqual(Array(10).fill(0));
  });

  it('leaves no timer', () => {
    const { clock, failTimes, made } = pauses();
    failTimes(20);
    made.stop();
    expect(clock.pending).toBe(0);
  });
});
