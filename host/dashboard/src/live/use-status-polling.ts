import { useEffect } from 'preact/hooks';
import type { HostStatus } from '../../../src/host-view.js';
import { useHost, usePage } from './page-context.js';

/**
 * Asks for the status again and again: readings of the machine, and what binds each subsystem, are in no event. Also while nobody looks:
 * few hidden pages keep their connection, and these keep their charts as whole as the browser's slower timers let them.
 */
export function useStatusPolling(everyMs: number): void {
  const { requests, store } = usePage();
  const isLive = useHost(({ connection }) => connection.phase === 'live');
  useEffect(() => {
    if (!isLive) return;
    const abort = new AbortController();
    let isAsking = false;
    const timer = setInterval(async () => {
      if (isAsking) return;
      isAsking = true;
      try {
        store.dispatch({ type: 'status', status: await requests.get<HostStatus>('/v1/status', abort.signal) });
      } catch {
        // the stream of events says when the host has gone
      } finally {
        isAsking = false;
      }
    }, everyMs);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [requests, store, isLive, everyMs]);
}
