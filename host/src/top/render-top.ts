import type { ScalingDecision } from '@bellows/sdk';
import { shortDuration, shortTime } from '../cli/durations.js';
import { explanationOf } from '../cli/explanation.js';
import { wrap } from '../wrap.js';
import { sparkline } from './sparkline.js';
import { harmless, type Span, type StyledLine, span, styledLine, widthOf } from './styled-line.js';
import { subsystemTable } from './subsystem-table.js';
import { numberOf, type TopData } from './top-data.js';
import { SORTS, selectedOf, subsystemsOf, type TopView } from './top-view.js';

export interface ScreenSize {
  readonly columns: number;
  /** Infinity where nothing has to fit. */
  readonly rows: number;
  /** Nothing but ASCII for what is drawn. */
  readonly ascii: boolean;
  /** Wall clock. */
  readonly now: number;
}

/** A frame: never more lines than `rows`, none wider than `columns`, whatever a host sent. Pure. */
export function renderTop(data: TopData, view: TopView, size: ScreenSize): readonly StyledLine[] {
  const rows = Math.max(0, size.rows);
  const head = [headLine(data, view, size), machineLine(data, size)];
  const room = rows - head.length - 1;
  const body = room <= 0 ? [] : bodyOf(data, view, { ...size, rows: room }).slice(0, room);
  if (!Number.isFinite(rows)) return [...head, ...body];
  const filled = [...body, ...Array.from({ length: Math.max(0, room - body.length) }, (): StyledLine => [])];
  const all = [...head, ...filled, footLine(view, size)];
  // The host is more than the keys on a screen of a line or two.
  return rows >= 3 ? all : head.slice(0, rows);
}

function bodyOf(data: TopData, view: TopView, size: ScreenSize): readonly StyledLine[] {
  if (view.page === 'help') return helpLines(view, size);
  return view.page === 'explanation' ? explanationLines(data, view, size) : overviewLines(data, view, size);
}

function headLine({ status, url, connection }: TopData, view: TopView, { columns, now }: ScreenSize): StyledLine {
  const state: Span =
    connection.state === 'lost'
      ? span(`no connection, trying again: ${connection.reason}`, 'bad')
      : status === undefined
        ? span('connecting')
        : status.ready
          ? span('ready', 'good')
          : span('not ready', 'attention');
  const paused = view.isPaused ? [span('  paused', 'attention')] : [];
  const facts = status === undefined ? '' : `  process ${status.pid}, up ${shortDuration(Math.max(0, now - numberOf(status.startedAt)))}`;
  const name = status === undefined ? 'Bellows' : `Bellows ${status.version}`;
  return styledLine(columns, [span(name, 'bold'), span('  '), state, ...paused, span(facts), span(`  ${url}`, 'dim')]);
}

/** Narrower screens have no room for a curve. */
const CURVE_FROM = 70;
const CURVE = 20;

function machineLine({ status, cpuHistory }: TopData, { columns, ascii }: ScreenSize): StyledLine {
  if (status === undefined) return [];
  const { machine } = status;
  const curve = columns < CURVE_FROM ? '' : ` ${sparkline(cpuHistory, { width: CURVE, ascii, atLeast: 1 })}`;
  return styledLine(columns, [
    span(`CPU ${percent(machine.cpuRatio)} of ${machine.cores} cores`, loadStyle(machine.cpuRatio)),
    span(curve, 'dim'),
    span(`  memory ${percent(machine.memoryRatio)}`, loadStyle(machine.memoryRatio)),
    span(`  event loop ${shortDuration(numberOf(machine.eventLoopDelayP99Ms))} late, ${percent(machine.eventLoopUtilization)} busy`),
  ]);
}

function loadStyle(ratio: number): Span['style'] {
  return ratio >= 0.95 ? 'bad' : ratio >= 0.8 ? 'attention' : 'plain';
}

function percent(ratio: unknown): string {
  return `${Math.round(numberOf(ratio) * 100)} %`;
}

/** Lines that decisions get at least, with their heading and the blank line before; on a short screen subsystems come first. */
const LEAST_DECISIONS = 5;
const SHORT_ROWS = 14;

function overviewLines(data: TopData, view: TopView, size: ScreenSize): readonly StyledLine[] {
  const subsystems = subsystemsOf(data, view.sort);
  const selected = selectedOf(data, view)?.name;
  const interactive = Number.isFinite(size.rows);
  const [head = [], ...rows] = subsystemTable(subsystems, { ...size, data, selected: interactive ? selected : undefined });
  const plugins = pluginLines(data, size);
  const below = plugins.length + 1 + (size.rows < SHORT_ROWS ? 0 : LEAST_DECISIONS);
  const forTable = Math.max(3, size.rows - below);
  const seen = scrolled(
    rows,
    Math.max(
      0,
      subsystems.findIndex(({ name }) => name === selected),
    ),
    forTable - 2,
  );
  const table: readonly StyledLine[] =
    rows.length === 0 ? [styledLine(size.columns, [span('no subsystem has reported yet', 'dim')])] : [head, ...seen];
  return [[], ...table, [], ...plugins, [], ...decisionLines(data.decisions, size)];
}

/** As many as there is room for, with the selected one among them. */
function scrolled<T>(rows: readonly T[], selected: number, room: number): readonly T[] {
  const from = Math.max(0, Math.min(rows.length - room, selected - Math.floor(room / 2)));
  return rows.slice(from, from + room);
}

function pluginLines({ status }: TopData, { columns }: ScreenSize): readonly StyledLine[] {
  const plugins = status?.plugins ?? [];
  const well = plugins.filter(({ state }) => state === 'active').map(({ id }) => id);
  const others = plugins.filter(({ state }) => state !== 'active');
  const active = well.length === 0 ? [] : [styledLine(columns, [span('active   ', 'good'), span(well.join(', '))])];
  return [
    ...active,
    ...others.map(({ id, state, reason, message }) =>
      styledLine(columns, [
        span(`${state} `.padEnd(9), state === 'failed' ? 'bad' : 'attention'),
        span(id, 'bold'),
        span(`  ${reason}${message === '' ? '' : `: ${message}`}`),
      ]),
    ),
  ];
}

function decisionLines(decisions: readonly ScalingDecision[], size: ScreenSize): readonly StyledLine[] {
  const shown = Number.isFinite(size.rows) ? decisions : decisions.slice(0, 10);
  const heading = styledLine(size.columns, [
    span('DECISIONS', 'dim'),
    span(shown.length === 0 ? '  none yet' : '  newest first, times are UTC', 'dim'),
  ]);
  return [heading, ...shown.flatMap((decision) => decisionParagraph(decision, size))];
}

function decisionParagraph({ at, subsystem, from, to, reason, outcome, error }: ScalingDecision, { columns }: ScreenSize): StyledLine[] {
  const time = shortTime(at).slice(11);
  const text = `${subsystem} ${from === to ? `stays at ${to}` : `${from} to ${to}`}: ${reason}${outcome === 'refused' ? ` (refused${error ? `: ${error}` : ''})` : ''}`;
  const indent = ' '.repeat(time.length + 2);
  return wrapped(text, columns - indent.length).map((line, index) =>
    styledLine(columns, [span(index === 0 ? `${time}  ` : indent, 'dim'), span(line, outcome === 'refused' ? 'attention' : 'plain')]),
  );
}

/** Signs that may be two columns wide take half as many into a line. */
function wrapped(text: string, columns: number): readonly string[] {
  const safe = harmless(text);
  return wrap(safe, Math.max(1, widthOf(safe) > safe.length ? Math.floor(columns / 2) : columns));
}

function explanationLines(data: TopData, view: TopView, size: ScreenSize): readonly StyledLine[] {
  const subsystem = selectedOf(data, view);
  if (subsystem === undefined) return [[], styledLine(size.columns, [span('no subsystem has reported yet', 'dim')])];
  const facts = explanationOf(subsystem);
  const label = Math.max(...facts.map(([name]) => name.length)) + 2;
  const lines = facts.flatMap(([name, text]) =>
    wrapped(text, size.columns - label).map((line, index) =>
      styledLine(size.columns, [span((index === 0 ? name : '').padEnd(label), 'dim'), span(line)]),
    ),
  );
  const own = data.decisions.filter((decision) => decision.subsystem === subsystem.name);
  const title = styledLine(size.columns, [span(subsystem.name, 'bold'), span(` (plugin ${subsystem.plugin})`)]);
  return [[], title, ...lines, [], ...decisionLines(own, size)];
}

function helpLines({ sort }: TopView, { columns }: ScreenSize): readonly StyledLine[] {
  const keys: readonly (readonly [string, string])[] = [
    ['q, Ctrl-C', 'quit'],
    ['up, down, k, j', 'select a subsystem'],
    ['Enter', 'what limits the selected subsystem, and why; again to go back'],
    ['s', `sort (now ${sort}; then ${SORTS[(SORTS.indexOf(sort) + 1) % SORTS.length]})`],
    ['p', 'pause, and go on'],
    ['?, Esc', 'this help, and back'],
  ];
  return [[], ...keys.map(([key, what]) => styledLine(columns, [span(key.padEnd(16), 'bold'), span(what)]))];
}

function footLine({ page }: TopView, { columns }: ScreenSize): StyledLine {
  const back = page === 'overview' ? 'Enter explain' : 'Esc back';
  return styledLine(columns, [span(`q quit  ? help  ${back}  j/k select  s sort  p pause`, 'dim')]);
}
