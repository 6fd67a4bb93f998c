import { shortDuration } from '../cli/durations.js';
import type { SubsystemStatus } from '../host-view.js';
import { sparkline } from './sparkline.js';
import { harmless, padToWidth, type Style, type StyledLine, span, styledLine, widthOf } from './styled-line.js';
import { numberOf, type TopData } from './top-data.js';

interface Column {
  readonly head: string;
  /** Least columns it makes sense in; a flexible one takes what is left, up to `most`. */
  readonly least: number;
  readonly most: number;
  readonly align: 'left' | 'right';
  /** The lower, the longer it stays on a narrow screen. */
  readonly rank: number;
  cell(subsystem: SubsystemStatus, width: number): string;
  style?(subsystem: SubsystemStatus): Style;
}

const LEAST_REASON = 30;
const BACKPRESSURE_STYLES: ReadonlyMap<string, Style> = new Map([
  ['normal', 'good'],
  ['warning', 'attention'],
  ['critical', 'bad'],
  ['shedding', 'bad'],
]);

export interface TableOptions {
  readonly columns: number;
  readonly ascii: boolean;
  readonly data: TopData;
  /** Whose row stands out. */
  readonly selected: string | undefined;
}

/** The head and a row for each subsystem; columns that find no room are left out, the least telling first. */
export function subsystemTable(subsystems: readonly SubsystemStatus[], options: TableOptions): readonly StyledLine[] {
  const columns = widths(columnsFor(subsystems, options), options.columns);
  const head = columns.map(([column, width]) => span(padToWidth(column.head, width, column.align), 'dim'));
  const rows = subsystems.map((subsystem) =>
    columns.map(([column, width]) => {
      const style = subsystem.name === options.selected ? 'selected' : (column.style?.(subsystem) ?? 'plain');
      return span(padToWidth(harmless(column.cell(subsystem, width)), width, column.align), style);
    }),
  );
  return [head, ...rows].map((cells) =>
    styledLine(
      options.columns,
      cells.flatMap((cell, index) => (index === 0 ? [cell] : [gap(cell.style), cell])),
    ),
  );
}

function gap(style: Style) {
  return span('  ', style === 'selected' ? 'selected' : 'plain');
}

function columnsFor(subsystems: readonly SubsystemStatus[], { data, ascii }: TableOptions): readonly Column[] {
  const nameWidth = Math.max(9, ...subsystems.map(({ name }) => widthOf(harmless(name))));
  const number = (head: string, rank: number, shown: (of: SubsystemStatus) => string): Column => {
    const width = Math.max(head.length, 5);
    return { head, least: width, most: width, align: 'right', rank, cell: shown };
  };
  const rate = (of: SubsystemStatus, which: 'completedPerSecond' | 'rejectedPerSecond') => {
    const rates = data.tracks.get(of.name)?.rates;
    return rates === undefined ? '' : shortNumber(rates[which]);
  };
  return [
    {
      head: 'SUBSYSTEM',
      least: Math.min(nameWidth, 17),
      most: Math.min(nameWidth, 32),
      align: 'left',
      rank: 0,
      cell: ({ name }) => name,
      style: () => 'bold',
    },
    number('IN USE', 1, ({ metrics }) => shortNumber(metrics.inUse)),
    number('LIMIT', 2, ({ limits }) => shortNumber(limits.maxConcurrentOperations)),
    number('CEILING', 9, ({ ceiling }) => shortNumber(ceiling)),
    number('QUEUE', 3, ({ metrics }) => shortNumber(metrics['queue.depth'])),
    number('WAIT P95', 5, ({ metrics }) => shortDuration(numberOf(metrics['wait.p95Ms']))),
    number('DONE/S', 7, (of) => rate(of, 'completedPerSecond')),
    number('REJ/S', 8, (of) => rate(of, 'rejectedPerSecond')),
    {
      head: 'PRESSURE',
      least: 8,
      most: 8,
      align: 'left',
      rank: 4,
      cell: ({ backpressure }) => String(backpressure),
      style: ({ backpressure }) => BACKPRESSURE_STYLES.get(backpressure) ?? 'plain',
    },
    {
      head: 'IN USE LATELY',
      least: 13,
      most: 24,
      align: 'left',
      rank: 10,
      cell: ({ name, limits }, width) =>
        sparkline(data.tracks.get(name)?.history ?? [], { width, ascii, atLeast: Math.max(1, numberOf(limits.maxConcurrentOperations)) }),
      style: () => 'dim',
    },
    {
      head: 'BOUND BY',
      least: 10,
      most: 200,
      align: 'left',
      rank: 6,
      // Half a sentence says less than its first word.
      cell: ({ binding }, width) => (width < LEAST_REASON ? binding.limitedBy : `${binding.limitedBy}: ${binding.reason}`),
    },
  ];
}

/** Those that fit, in their order, with the room each gets. */
function widths(columns: readonly Column[], room: number): readonly (readonly [Column, number])[] {
  const kept = new Set<Column>();
  let left = room + 2;
  for (const column of [...columns].sort((a, b) => a.rank - b.rank)) {
    if (column.least + 2 > left && kept.size > 0) break;
    kept.add(column);
    left -= column.least + 2;
  }
  return columns.flatMap((column): (readonly [Column, number])[] => {
    if (!kept.has(column)) return [];
    const more = Math.max(0, Math.min(left, column.most - column.least));
    left -= more;
    return [[column, column.least + more]];
  });
}

const UNITS = ['', 'k', 'M', 'G', 'T'] as const;

/** `7`, `0.4`, `12k`, `1.5M`: at most five characters. */
export function shortNumber(given: unknown): string {
  let value = numberOf(given);
  let unit = 0;
  while (Math.abs(value) >= (unit === 0 ? 10_000 : 1_000) && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const text = Number.isInteger(value) || Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(1);
  return `${text.length > 5 ? '>999' : text}${UNITS[unit]}`;
}
