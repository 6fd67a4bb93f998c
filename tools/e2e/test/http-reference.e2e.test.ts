import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { GREETER, REPOSITORY, type RunningHost, runBellows, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';

interface Row {
  readonly method: string;
  readonly route: string;
  readonly may: string;
}

const ROWS = rowsOf(readFileSync(path.join(REPOSITORY, 'docs/reference/http.md'), 'utf8'));
const FIXED = ROWS.filter(({ route }) => !route.includes('<'));

let host: RunningHost;
let reader: string;

beforeAll(async () => {
  const folder = tempFolder();
  const { stdout } = await runBellows(['token', 'new', '--role', 'reader', '--name', 'the-reader', '--json']);
  const made = JSON.parse(stdout) as { token: string; entry: unknown };
  reader = made.token;
  writeFileSync(path.join(folder, 'tokens.yaml'), JSON.stringify([made.entry]));
  host = await startHost({ folder, config: { host: { tokensFile: './tokens.yaml' }, plugins: { greeter: { from: GREETER } } } });
});

describe('the reference page of HTTP', () => {
  it('has the routes that a running host describes, and the files of the page for people', async () => {
    const { json } = await host.request('/openapi.json', { headers: { authorization: `Bearer ${host.token}` } });
    const described = Object.entries(json.paths as Record<string, object>).flatMap(([route, methods]) =>
      Object.keys(methods).map(
        (method) => `${method.toUpperCase()} ${route.replace(/^(\/v1\/operations\/).+/, '$1<name>').replace(/\{(\w+)\}/, '<$1>')}`,
      ),
    );
    expect(ROWS.map(({ method, route }) => `${method} ${route}`).sort()).toEqual([...new Set([...described, 'GET /assets/<name>'])].sort());
  });

  it.each(FIXED)('says who may: $method $route is for $may', async ({ method, route, may }) => {
    const asked = async (headers: Readonly<Record<string, string>>) => {
      // A stream would not end: an id that no host gave is refused after the rights are checked.
      const extra = route === '/v1/events' ? { 'last-event-id': 'none' } : {};
      const { status } = await host.request(route, { method, headers: { ...extra, ...headers } });
      return status === 401 || status === 403 ? status : 'lets in';
    };
    const nobody = await asked({});
    const lowest = await asked({ authorization: `Bearer ${reader}` });
    expect([nobody, lowest]).toEqual(
      { open: ['lets in', 'lets in'], reader: [401, 'lets in'], operator: [401, 403], admin: [401, 403] }[may] ?? `no such right: ${may}`,
    );
  });
});

/** Of the table of routes: "| `GET /health` | open | …". */
function rowsOf(page: string): Row[] {
  const found = page.matchAll(/^\| `(GET|POST|PUT|DELETE) ([^`]+)` \| ([^|]+) \|/gm);
  return [...found].map(([, method = '', route = '', may = '']) => ({ method, route, may }));
}
