import type { ScalingDecision } from '@bellows/sdk';
import type { HostRequests } from '../live/host-requests.js';
import type { Timers } from '../live/live-connection.js';
import type { Store } from '../live/store.js';
import { type HostEvent, hostEventOf } from '../state/host-event.js';
import type { HostState } from '../state/host-state.js';
import type { Row } from '../state/series-ring.js';
import { SseParser } from '../state/sse-parser.js';
import { readingsOf, type Sampler } from './sampler.js';

type MetricsEvent = HostEvent & { readonly topic: 'metrics' };

/** Metrics come every second. */
const PATIENCE_MS = 5_000;
/** The host reads all subsystems at once, so events this near are of one reading. */
const ONE_READING_MS = 500;

export interface ChartHistoryOptions {
  readonly store: Store;
  readonly requests: HostRequests;
  readonly sampler: Sampler;
  readonly timers: Timers;
}

/**
 * Fills the charts with what the host has kept of the minutes before the page was opened, once, as soon as the page is connected. A stream
 * of its own, so that nothing of it is taken for news. Without an answer the charts begin with the page.
 */
export function fillCharts(options: ChartHistoryOptions): void {
  const { store } = options;
  const unsubscribe = store.subscribe(() => {
    if (store.state.connection.phase !== 'live') return;
    unsubscribe();
    void fill(options);
  });
}

async function fill({ store, requests, sampler, timers }: ChartHistoryOptions): Promise<void> {
  const { machine, subsystems } = store.state;
  // without subsystems none would come, and the stream would take one of the few connections that all tabs have together
  if (machine === undefined || subsystems.length === 0) return;
  const abort = new AbortController();
  const cancel = timers.after(PATIENCE_MS, () => abort.abort());
  try {
    const { kept, next } = await keptMetrics(await requests.events(['metrics'], 0, abort.signal), machine.at);
    // what comes next is of now, give or take a second, whatever the clock of the host says
    if (next !== undefined) sampler.fill(historyRows(kept, store.state, timers.now() - next.at));
  } catch {
    // the charts go on with what comes
  } finally {
    cancel();
    abort.abort();
  }
}

/** All until this time of the host, and the first after it. */
async function keptMetrics(
  stream: ReadableStream<Uint8Array>,
  until: number,
): Promise<{ readonly kept: readonly MetricsEvent[]; readonly next: MetricsEvent | undefined }> {
  const parser = new SseParser();
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  const kept: MetricsEvent[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { kept, next: undefined };
    for (const block of parser.push(decoder.decode(value, { stream: true }))) {
      const event = hostEventOf(block);
      if (event?.topic !== 'metrics') continue;
      if (event.at > until) return { kept, next: event };
      kept.push(event);
    }
  }
}

/** One row for each reading, oldest first, by the clock of the browser: `shiftMs` ahead of the host's. Pure. */
export function historyRows(
  events: readonly MetricsEvent[],
  { subsystems, decisions }: Pick<HostState, 'subsystems' | 'decisions'>,
  shiftMs: number,
): readonly Row[] {
  const rows: { readonly at: number; readonly values: Map<string, number> }[] = [];
  for (const { at, payload } of events) {
    const known = subsystems.find(({ name }) => name === payload.subsystem);
    if (known === undefined) continue;
    let row = rows.at(-1);
    // a clock that was set back: nobody can say how long ago the earlier ones are
    if (row !== undefined && at < row.at) rows.length = 0;
    if (row === undefined || rows.length === 0 || at - row.at > ONE_READING_MS) {
      row = { at, values: new Map() };
      rows.push(row);
    }
    const ceiling = ceilingAt(at, known.name, decisions) ?? known.ceiling;
    for (const [series, value] of readingsOf({ name: known.name, metrics: payload.values, limits: payload.limits, ceiling })) {
      row.values.set(series, value);
    }
  }
  return rows.map(({ at, values }) => ({ atSeconds: (at + shiftMs) / 1000, values }));
}

/** What the governor gave at that time, by its decisions, newest first; undefined when none of them has changed it. */
function ceilingAt(at: number, name: string, decisions: readonly ScalingDecision[]): number | undefined {
  const changes = decisions.filter(({ subsystem, outcome }) => subsystem === name && outcome === 'applied');
  return changes.find((one) => one.at <= at)?.to ?? changes.at(-1)?.from;
}
