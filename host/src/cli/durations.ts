const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** `12 ms`, `1.2 s`, `3 min 4 s`, `2 h 3 min`. */
export function shortDuration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ${Math.floor((ms % MINUTE_MS) / SECOND_MS)} s`;
  return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} min`;
}

/** `2026-03-01 12:00:00`, UTC; nothing for a time that has not come. */
export function shortTime(at: number | null | undefined): string {
  return typeof at === 'number' && Number.isFinite(at) ? isoOf(at).replace('T', ' ').slice(0, 19) : '';
}

/** Of two times; nothing where one of them is missing. */
export function took(from: number | null | undefined, to: number | null | undefined): string {
  return typeof from === 'number' && typeof to === 'number' ? shortDuration(Math.max(0, to - from)) : '';
}

/** Also of a number that is no time: a host that sends one must not end the command. */
export function isoOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
