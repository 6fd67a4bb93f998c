/** What is known of a session, each as the age of the latest sign, ms. `Infinity` for a sign there never was. */
export interface Evidence {
  /** Since a file of the workspace changed, a commit was made, or the session began. */
  readonly progressAgeMs: number;
  /** Since it wrote output, used noticeable CPU, or a child of it began or ended. */
  readonly lifeAgeMs: number;
}

/** A process that lives but does nothing gets so many times the floor. */
const LIVING_FACTOR = 3;

/**
 * Stalled is who has made no progress for the floor and shows no life that would explain it; or lives, a busy loop, without
 * progress for three times the floor. Silence alone while tests run is no stall. Pure. (Seed 001; the time is its
 * `workerStallTimeoutMs`.)
 */
export function judgeStall({ progressAgeMs, lifeAgeMs }: Evidence, floorMs: number): 'healthy' | 'stalled' {
  if (progressAgeMs <= floorMs) return 'healthy';
  if (lifeAgeMs <= floorMs && progressAgeMs <= LIVING_FACTOR * floorMs) return 'healthy';
  return 'stalled';
}
