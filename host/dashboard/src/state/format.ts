const CENTURY_FROM = Date.UTC(2000, 0);
const CENTURY_TO = Date.UTC(2100, 0);

/** What stands where a number is not known. */
export const UNKNOWN = '–';

export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

export function percent(ratio: number | null | undefined): string {
  return ratio === null || ratio === undefined || !Number.isFinite(ratio) ? UNKNOWN : `${Math.round(ratio * 100)} %`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const power = value < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** power;
  return `${scaled < 10 && power > 0 ? scaled.toFixed(1) : Math.round(scaled).toLocaleString('en-US')} ${BYTE_UNITS[power]}`;
}

/** `350 ms`, `4.2 s`, `3 min 5 s`, `2 h 4 min`, `5 d 3 h`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 10) return `${ms === 0 ? 0 : ms < 0.1 ? '< 0.1' : Number(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** `just now`, `12 s ago`, `in 3 min`. In whole units only: this is read beside the exact time. */
export function ago(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1000);
  if (Math.abs(seconds) < 2) return 'just now';
  const span = coarse(Math.abs(seconds));
  return seconds < 0 ? `in ${span}` : `${span} ago`;
}

/** In the time zone of whoever looks, to the second. */
export function clockTime(at: number): string {
  if (!isDate(at)) return UNKNOWN;
  return new Date(at).toLocaleTimeString('en-GB');
}

/** For the title of a relative time. */
export function absoluteTime(at: number): string {
  return isDate(at) ? new Date(at).toISOString().replace('T', ' ').replace('Z', ' UTC') : UNKNOWN;
}

/** As JSON, in which the milliseconds since 1970 of a key such as `dueAt` stand as a time. Numbers outside of this century stay. */
export function withTimes(value: unknown): string {
  return JSON.stringify(value, (key, member) =>
    key.endsWith('At') && Number.isInteger(member) && member >= CENTURY_FROM && member < CENTURY_TO ? absoluteTime(member) : member,
  );
}

/** For `<time datetime>`; undefined for what is no time. */
export function isoTime(at: number): string | undefined {
  return isDate(at) ? new Date(at).toISOString() : undefined;
}

/**
 * A text of somebody else, for people: control characters become signs, and marks that turn the direction of what follows become
 * their names, so that no text looks like another or moves its surroundings.
 */
export function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** At most `limit` characters, no half ones. */
export function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

function coarse(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Times a Date can hold. */
function isDate(at: number): boolean {
  return Math.abs(at) <= 8_640_000_000_000_000;
}
