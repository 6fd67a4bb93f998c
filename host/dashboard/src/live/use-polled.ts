import { useEffect, useState } from 'preact/hooks';
import { isAbort, RequestFailure } from './host-requests.js';
import { useHost, usePage } from './page-context.js';

export interface Polled<T> {
  readonly data: T | undefined;
  readonly failure: RequestFailure | undefined;
  /** What is shown is of before the last attempt. */
  readonly isStale: boolean;
}

interface Held<T> extends Polled<T> {
  readonly key: string;
}

const ENDED_POLL_MS = 10_000;

/** What an operation answers of one thing that ends some day, by its id: every `everyMs` until it has ended, and seldom afterwards. */
export function useFollowed<T extends { readonly endedAt?: number }>(operation: string, id: string, everyMs: number) {
  const [isOver, setOver] = useState(false);
  const pollMs = isOver ? ENDED_POLL_MS : everyMs;
  const polled = usePolled<T>(operation, { id }, pollMs);
  const hasEnded = polled.data?.endedAt !== undefined;
  useEffect(() => setOver(hasEnded), [hasEnded]);
  return { ...polled, pollMs };
}

/**
 * The answer of an operation, asked for again `everyMs` after each answer, for as long as this view stands, the page is visible and the host
 * answers. Null asks for nothing. Of another operation or input nothing old is shown.
 */
export function usePolled<T>(operation: string | null, input: Readonly<Record<string, unknown>>, everyMs: number): Polled<T> {
  const { requests } = usePage();
  const isLive = useHost(({ connection }) => connection.phase === 'live');
  const key = `${operation} ${JSON.stringify(input)}`;
  const [held, setHeld] = useState<Held<T>>();
  // `key` is operation and input
  useEffect(() => {
    if (!isLive || operation === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      clearTimeout(timer);
      try {
        const data = await requests.call<T>(operation, input, abort.signal);
        setHeld({ key, data, failure: undefined, isStale: false });
      } catch (error) {
        if (isAbort(error) || abort.signal.aborted) return;
        const failure = error instanceof RequestFailure ? error : new RequestFailure(0, 'UNKNOWN', String(error));
        setHeld((before) => ({ key, data: before?.key === key ? before.data : undefined, failure, isStale: true }));
      }
      if (!document.hidden) timer = setTimeout(ask, everyMs);
    };
    const onVisible = () => {
      if (!document.hidden) void ask();
    };
    void ask();
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [key, isLive, everyMs]);
  if (held?.key !== key) return { data: undefined, failure: undefined, isStale: false };
  return { ...held, isStale: held.isStale || !isLive };
}
