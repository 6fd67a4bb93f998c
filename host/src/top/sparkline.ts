const BLOCKS = '▁▂▃▄▅▆▇█';
const ASCII = '_.-=+*%#';

/** The last `width` numbers as a row of bars, the newest at the right; the highest of them, or `atLeast`, is a full bar. */
export function sparkline(
  values: readonly number[],
  { width, ascii, atLeast = 1 }: { readonly width: number; readonly ascii: boolean; readonly atLeast?: number },
): string {
  const shown = values.slice(-Math.max(0, width) || values.length).map((value) => (Number.isFinite(value) ? Math.max(0, value) : 0));
  const highest = Math.max(atLeast, ...shown);
  const bars = ascii ? ASCII : BLOCKS;
  const bar = (value: number) => bars[Math.min(bars.length - 1, Math.floor((value / highest) * bars.length))] ?? bars[0];
  return width <= 0 ? '' : shown.map(bar).join('').padStart(width);
}
