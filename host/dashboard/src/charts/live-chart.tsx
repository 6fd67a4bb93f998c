import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { usePage } from '../live/page-context.js';
import { clockTime, shown, UNKNOWN } from '../state/format.js';
import { fromFirstKnown, type Series } from '../state/series-ring.js';
import { type ChartColours, type ChartLine, chartOptions, type Tone } from './chart-options.js';

export interface LiveChartProps {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** Whose charts share a cursor. */
  readonly group: string;
  readonly wholeNumbers?: boolean;
}

const TONES: readonly Tone[] = ['used', 'limit', 'ceiling', 'queue', 'wait'];
const steppedPaths = uPlot.paths.stepped?.({ align: 1 });

/** The last minutes of a few readings. Draws only while it can be seen, and at most once a frame; what it shows is told in words, too. */
export function LiveChart({ title, lines, format, group, wholeNumbers = false }: LiveChartProps) {
  const { sampler, frames, theme } = usePage();
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [, setDrawn] = useState(0);
  const names = lines.map(({ series }) => series);
  const key = names.join('\n');
  const read = () => fromFirstKnown(sampler.ring.read(names));

  // `key` is the lines, `theme` decides the colours; the rest never changes
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let isVisible = false;
    const look = { lines, format, colours: coloursOf(element), steppedPaths, group, wholeNumbers, onCursor: setAt };
    const chart = new uPlot(chartOptions({ ...look, size: sizeOf(element) }), dataOf(read(), names), element);
    const draw = () => {
      chart.setData(dataOf(read(), names));
      setDrawn((count) => count + 1);
    };
    const ask = () => {
      if (isVisible) frames.add(draw);
    };
    const fit = () => chart.setSize(sizeOf(element));
    const seen = new IntersectionObserver(([entry]) => {
      isVisible = entry?.isIntersecting ?? false;
      ask();
    });
    const sized = new ResizeObserver(() => frames.add(fit));
    seen.observe(element);
    sized.observe(element);
    const unsubscribe = sampler.subscribe(ask);
    return () => {
      unsubscribe();
      seen.disconnect();
      sized.disconnect();
      frames.remove(draw);
      frames.remove(fit);
      chart.destroy();
    };
  }, [key, group, theme]);

  const series = read();
  const index = at !== null && at < series.times.length ? at : series.times.length - 1;
  return (
    <figure class="chart" aria-label={title}>
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-legend">
          {lines.map(({ series: name, label, tone, look }) => (
            <span key={name} class="chart-key">
              <svg class={`swatch tone-${tone}`} width="16" height="8" aria-hidden="true">
                <line
                  x1="0"
                  y1="4"
                  x2="16"
                  y2="4"
                  stroke-width={look === 'area' ? 4 : 2}
                  stroke-dasharray={look === 'dashes' ? '4 3' : undefined}
                />
              </svg>
              {label} <b>{valueAt(series, name, index, format)}</b>
            </span>
          ))}
          {at !== null && series.times[index] !== undefined && <span class="muted">{clockTime(series.times[index] * 1000)}</span>}
        </span>
      </figcaption>
      <div ref={box} class="chart-box" role="img" aria-label={inWords(title, { series, lines, format })} />
    </figure>
  );
}

function valueAt(series: Series, name: string, index: number, format: (value: number) => string): string {
  const value = series.values.get(name)?.[index];
  return value === null || value === undefined ? UNKNOWN : format(value);
}

/** What a person who does not see the chart should know of it. */
function inWords(title: string, { series, lines, format }: Pick<LiveChartProps, 'lines' | 'format'> & { readonly series: Series }): string {
  const seconds = Math.round((series.times.at(-1) ?? 0) - (series.times[0] ?? 0));
  const parts = lines.map(({ series: name, label }) => {
    const values = (series.values.get(name) ?? []).filter((value) => value !== null);
    if (values.length === 0) return `${label} unknown`;
    return `${label} ${format(values.at(-1) ?? 0)}, from ${format(Math.min(...values))} to ${format(Math.max(...values))}`;
  });
  return shown(`${title}, the last ${seconds} s: ${parts.join('; ')}`);
}

function dataOf({ times, values }: Series, names: readonly string[]): uPlot.AlignedData {
  return [times as number[], ...names.map((name) => (values.get(name) ?? []) as (number | null)[])];
}

/** The style sheet gives the room; before it has come there is none. */
function sizeOf({ clientWidth, clientHeight }: HTMLElement): { readonly width: number; readonly height: number } {
  return { width: Math.max(120, clientWidth), height: Math.max(60, clientHeight) };
}

/** A canvas knows no style sheet. */
function coloursOf(element: HTMLElement): ChartColours {
  const style = getComputedStyle(element);
  const probe = document.createElement('span');
  element.append(probe);
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return hexOf(getComputedStyle(probe).color);
  };
  const tones = Object.fromEntries(TONES.map((tone) => [tone, colour(`--tone-${tone}`)])) as Record<Tone, string>;
  const colours = { text: hexOf(style.color), grid: colour('--line'), tones };
  probe.remove();
  return colours;
}

function hexOf(rgb: string): string {
  const parts = rgb.match(/[\d.]+/g)?.slice(0, 3) ?? [];
  return `#${parts.map((part) => Math.round(Number(part)).toString(16).padStart(2, '0')).join('')}`;
}
