const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/** How long to wait before attempt `attempt` (from 1), with `random` from 0 to 1: twice as long each time, up to ten seconds, half of it by chance. Pure. */
export function backOffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full / 2 + (full / 2) * random);
}
