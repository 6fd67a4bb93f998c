import { workflowError } from '../errors.js';

/** The largest time a `Date` can show. */
const MAX_TIME = 8.64e15;

/** When a timer fires, ms since 1970: its input is a number of ms from now on, or `{ until }`. `TIMER_INVALID` for anything else. */
export function timerDueAt(input: unknown, now: number): number {
  const until = typeof input === 'object' && input !== null ? (input as { until?: unknown }).until : undefined;
  const dueAt = typeof input === 'number' ? now + Math.max(0, input) : until;
  if (typeof dueAt === 'number' && dueAt >= 0 && dueAt <= MAX_TIME) return Math.ceil(dueAt);
  throw workflowError(
    'TIMER_INVALID',
    'The input of a timer is neither a number of ms nor { until: <ms since 1970> }, or it is farther away than a date can be',
  );
}
