/** Where whoever refused does not say how long. */
const DEFAULT_RETRY_MS = 1_000;
/** Nobody plans further ahead than a day; beyond it the number is a mistake of whoever refused. */
const MAX_RETRY_MS = 86_400_000;

/** The header `Retry-After`: whole seconds, at least one, whatever a plugin says. */
export function retryAfter(retryAfterMs: number | undefined): string {
  const wantedMs = Number.isNaN(retryAfterMs) ? DEFAULT_RETRY_MS : (retryAfterMs ?? DEFAULT_RETRY_MS);
  return String(Math.max(1, Math.ceil(Math.min(wantedMs, MAX_RETRY_MS) / 1000)));
}
