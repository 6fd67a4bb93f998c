import type { SubsystemStatus } from '../host-view.js';
import { numberOf, type TopData } from './top-data.js';

/** In the order in which `s` goes through them. */
export const SORTS = ['as the host lists them', 'in use', 'queue', 'wait', 'rejected', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** What of the data is shown, and how. */
export interface TopView {
  readonly page: 'overview' | 'explanation' | 'help';
  /** The name of a subsystem; one that is not there stands for the first. */
  readonly selected: string | undefined;
  readonly sort: Sort;
  readonly isPaused: boolean;
}

export type KeyResult = TopView | 'quit';

export const FIRST_VIEW: TopView = { page: 'overview', selected: undefined, sort: SORTS[0], isPaused: false };

/** Keys of one chunk of input: a terminal sends several at once when they are typed fast. */
export function keysOf(chunk: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what terminals send
  return chunk.match(/\u001b\[[\d;]*[A-Za-z~]|\u001bO[A-Z]|[\s\S]/gu) ?? [];
}

export function viewAfterKey(view: TopView, key: string, data: TopData): KeyResult {
  switch (key) {
    case 'q':
    case '\u0003':
      return 'quit';
    case '?':
    case 'h':
      return { ...view, page: view.page === 'help' ? 'overview' : 'help' };
    case '\u001b':
      return { ...view, page: 'overview' };
    case '\r':
    case '\n':
      return { ...view, page: view.page === 'overview' ? 'explanation' : 'overview' };
    case 'p':
    case ' ':
      return { ...view, isPaused: !view.isPaused };
    case 's':
      return { ...view, sort: SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length] ?? SORTS[0] };
    case 'k':
    case '\u001b[A':
    case '\u001bOA':
      return moved(view, data, -1);
    case 'j':
    case '\u001b[B':
    case '\u001bOB':
      return moved(view, data, 1);
    default:
      return view;
  }
}

function moved(view: TopView, data: TopData, by: number): TopView {
  const names = subsystemsOf(data, view.sort).map(({ name }) => name);
  const at = Math.max(0, names.indexOf(view.selected ?? ''));
  return { ...view, selected: names[Math.min(names.length - 1, Math.max(0, at + by))] };
}

/** In the order in which they are shown. */
export function subsystemsOf({ status, tracks }: TopData, sort: Sort): readonly SubsystemStatus[] {
  const subsystems = [...(status?.subsystems ?? [])];
  if (sort === 'name') return subsystems.sort((a, b) => (a.name < b.name ? -1 : 1));
  const weight = (of: SubsystemStatus) => {
    if (sort === 'in use') return numberOf(of.metrics.inUse);
    if (sort === 'queue') return numberOf(of.metrics['queue.depth']);
    if (sort === 'wait') return numberOf(of.metrics['wait.p95Ms']);
    return sort === 'rejected' ? (tracks.get(of.name)?.rates?.rejectedPerSecond ?? 0) : 0;
  };
  return subsystems.sort((a, b) => weight(b) - weight(a));
}

export function selectedOf(data: TopData, view: TopView): SubsystemStatus | undefined {
  const all = subsystemsOf(data, view.sort);
  return all.find(({ name }) => name === view.selected) ?? all[0];
}
