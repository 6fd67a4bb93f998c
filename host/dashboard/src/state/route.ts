export const VIEWS = ['overview', 'decisions', 'plugins', 'workflows', 'harness', 'modules', 'operations'] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View | 'unknown';
  /** The one thing that is shown: a run, a job, a module. */
  readonly id?: string;
  readonly query: Readonly<Record<string, string>>;
}

/** `#/workflows/<id>?status=failed`; nothing is the overview. Never throws. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = split(hash.replace(/^#\/?/, ''), '?');
  const [name = '', rest = ''] = split(path, '/');
  const query = Object.fromEntries([...new URLSearchParams(search)].filter(([, value]) => value !== ''));
  const view = name === '' ? 'overview' : (VIEWS.find((known) => known === name) ?? 'unknown');
  const id = decode(rest);
  return id === '' ? { view, query } : { view, id, query };
}

export function hrefOf(
  view: View,
  options: { readonly id?: string; readonly query?: Readonly<Record<string, string | undefined>> } = {},
): string {
  const given = Object.entries(options.query ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  const base = view === 'overview' ? '#/' : `#/${view}`;
  return options.id === undefined ? `${base}${search}` : `${base}/${encodeURIComponent(options.id.toWellFormed())}${search}`;
}

/** What the title of the window says. */
export function titleOf({ view, id }: Route): string {
  const name = view === 'unknown' ? 'Not found' : `${view[0]?.toUpperCase()}${view.slice(1)}`;
  return id === undefined ? `${name} · Bellows` : `${id.length > 60 ? `${id.slice(0, 60)}…` : id} · ${name} · Bellows`;
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
