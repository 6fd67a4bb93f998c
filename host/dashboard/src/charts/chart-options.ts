import type uPlot from 'uplot';
import { clockTime } from '../state/format.js';

export type Tone = 'used' | 'limit' | 'ceiling' | 'queue' | 'wait';

export interface ChartLine {
  /** In the ring. */
  readonly series: string;
  readonly label: string;
  readonly tone: Tone;
  /** `area` for what moves, `step` for what is set, `dashes` for what bounds. Told apart without colours, too. */
  readonly look: 'area' | 'step' | 'dashes';
}

export interface ChartColours {
  readonly text: string;
  readonly grid: string;
  readonly tones: Readonly<Record<Tone, string>>;
}

/** The least span of the time axis: a page that was just opened shows no five empty minutes. */
const LEAST_SPAN_S = 60;
const FONT = '11px system-ui, sans-serif';

export interface ChartLook {
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  readonly colours: ChartColours;
  readonly steppedPaths: uPlot.Series.PathBuilder | undefined;
  readonly size: { readonly width: number; readonly height: number };
  /** Charts of one group show the same moment. */
  readonly group: string;
  readonly wholeNumbers: boolean;
  readonly onCursor: (index: number | null) => void;
}

export function chartOptions({ lines, format, colours, steppedPaths, size, group, wholeNumbers, onCursor }: ChartLook): uPlot.Options {
  const axis = { stroke: colours.text, font: FONT, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
  return {
    ...size,
    padding: [8, 26, 0, 0], // half of a time
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, sync: { key: group }, points: { size: 7 }, y: false },
    scales: {
      x: { time: true, range: (_chart, from, to) => spanOf(from, to) },
      y: { range: (_chart, _from, to) => [0, to > 0 ? to * 1.12 : 1] },
    },
    axes: [
      { ...axis, size: 26, gap: 8, space: 90, values: (_chart, splits) => splits.map((at) => clockTime(at * 1000)) },
      {
        ...axis,
        size: 52,
        gap: 6,
        space: 32,
        ...(wholeNumbers
          ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000] }
          : {}),
        values: (_chart, splits) => splits.map(format),
      },
    ],
    series: [{}, ...lines.map((line) => seriesLook(line, colours, steppedPaths))],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
}

/** Without readings there is no from and no to. */
function spanOf(from: number | null, to: number | null): [number, number] {
  const end = to || Date.now() / 1000;
  return [Math.min(from || end, end - LEAST_SPAN_S), end];
}

function seriesLook({ label, tone, look }: ChartLine, colours: ChartColours, stepped: uPlot.Series.PathBuilder | undefined): uPlot.Series {
  const stroke = colours.tones[tone];
  return {
    label,
    stroke,
    width: look === 'area' ? 1.75 : 1.5,
    points: { show: false },
    ...(look === 'area' ? { fill: `${stroke}2e` } : {}),
    ...(look === 'dashes' ? { dash: [5, 4] } : {}),
    ...(look !== 'area' && stepped !== undefined ? { paths: stepped } : {}),
  };
}
