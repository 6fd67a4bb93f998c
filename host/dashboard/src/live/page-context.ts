import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import type { FrameQueue } from '../charts/frame-queue.js';
import type { Sampler } from '../charts/sampler.js';
import type { HostState } from '../state/host-state.js';
import type { HostRequests } from './host-requests.js';
import type { LiveConnection } from './live-connection.js';
import type { Store } from './store.js';

/** What every part of the page may use. */
export interface Page {
  readonly store: Store;
  readonly requests: HostRequests;
  readonly connection: LiveConnection;
  readonly sampler: Sampler;
  readonly frames: FrameQueue;
  /** `light` or `dark`, as it is shown now. */
  readonly theme: string;
}

const PageContext = createContext<Page | undefined>(undefined);
export const PageProvider = PageContext.Provider;

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === undefined) throw new Error('This part stands outside of the page.');
  return page;
}

/** A part of what is known; renders again when it is another. */
export function useHost<T>(select: (state: HostState) => T): T {
  const { store } = usePage();
  const [, setCount] = useState(0);
  const value = select(store.state);
  const latest = useRef({ select, value });
  latest.current = { select, value };
  useEffect(() => {
    const look = () => {
      const { current } = latest;
      if (!Object.is(current.select(store.state), current.value)) setCount((count) => count + 1);
    };
    look(); // what has come since the rendering
    return store.subscribe(look);
  }, [store]);
  return value;
}

const TICK_MS = 1_000;
const tickers = new Set<() => void>();
let stopTicking: (() => void) | undefined;

/** Now, by the clock of the browser; renders again every second while the page is visible. One timer for all. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const tick = () => setNow(Date.now());
    tickers.add(tick);
    if (stopTicking === undefined) {
      const timer = setInterval(() => {
        if (!document.hidden) for (const one of tickers) one();
      }, TICK_MS);
      stopTicking = () => clearInterval(timer);
    }
    return () => {
      tickers.delete(tick);
      if (tickers.size > 0) return;
      stopTicking?.();
      stopTicking = undefined;
    };
  }, []);
  return now;
}
