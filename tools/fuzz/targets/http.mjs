import http_ from 'node:http';
import path from 'node:path';
import { startTestHost } from '@bellows/host/testing';
import fc from 'fast-check';
import { hostileJson, hostileText, mutatedText } from '../hostile-values.mjs';
import { demandKnown } from '../run-target.mjs';

const PATHS = [
  '/',
  '/health',
  '/ready',
  '/metrics',
  '/openapi.json',
  '/v1/status',
  '/v1/plugins',
  '/v1/operations',
  '/v1/decisions?limit=5',
  '/v1/events?topics=metrics',
  '/v1/files',
  '/v1/operations/compute.list',
  '/v1/operations/compute.get',
  '/v1/operations/greeter.greet',
];
const CALL_HEADERS = ['bellows-tenant', 'bellows-user', 'bellows-criticality', 'bellows-deadline-ms', 'idempotency-key', 'traceparent'];
const HEADERS = [
  ...CALL_HEADERS,
  'last-event-id',
  'authorization',
  'cookie',
  'origin',
  'host',
  'content-type',
  'content-encoding',
  'accept',
  'expect',
  'if-none-match',
  'sec-fetch-site',
];
const VALUES = [
  '',
  '1',
  '-1',
  'bulk',
  '1e9',
  'application/json',
  'application/json; charset=utf-7',
  'gzip',
  '00-0-0-00',
  'Bearer x',
  'Bearer',
  'null',
  '127.0.0.1',
  '100-continue',
  'cross-site',
  '9'.repeat(400),
];

/** What a header may hold on the wire; the rest is for the target `sockets`. */
const headerValue = fc.oneof(
  fc.constantFrom(...VALUES),
  hostileText.map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?')),
);
const anyRequest = fc.record({
  method: fc.constantFrom('GET', 'POST', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
  target: mutatedText(fc.constantFrom(...PATHS)).map(
    (text) => `/${encodeURI(text.toWellFormed().replace(/^\/+/, '')).replace(/[^\x21-\x7e]/g, '')}`,
  ),
  headers: fc.array(fc.tuple(fc.constantFrom(...HEADERS), headerValue), { maxLength: 4 }),
  json: fc.boolean(),
  body: fc.oneof(
    hostileJson.map((value) => JSON.stringify(value)),
    hostileText,
    mutatedText(fc.constant('{"name":"sample","args":[1,2]}')),
  ),
});

/** Calls with one or two odd headers: of any requests hardly one in a thousand comes as far as what these say. */
const call = fc.record({
  method: fc.constant('POST'),
  target: fc.constantFrom('/v1/operations/greeter.greet', '/v1/operations/compute.list', '/v1/operations/compute.get'),
  headers: fc.array(fc.tuple(fc.constantFrom(...CALL_HEADERS), headerValue), { minLength: 1, maxLength: 2 }),
  json: fc.constant(true),
  body: fc.oneof(
    fc.constantFrom('{}', '{"name":"sample"}'),
    hostileJson.map((value) => JSON.stringify(value)),
  ),
});
const request = fc.oneof({ weight: 3, arbitrary: anyRequest }, { weight: 1, arbitrary: call });

/** Requests that are HTTP, to a listening host: paths, headers, bodies, uploads, streams. */
export const http = {
  async open() {
    const plugins = ['plugins/compute', 'docs/examples/greeter'].map((from) => ({
      from: path.resolve(import.meta.dirname, '../../..', from),
    }));
    const host = await startTestHost({ plugins, listen: true });
    const agent = new http_.Agent({ keepAlive: true, maxSockets: 4 });
    const check = async (given) => {
      const { status, text, type } = await send(host.http.url, agent, given);
      if (status === 500) throw new Error(`bad input is called our fault: ${text.slice(0, 500)}`);
      if (status >= 400 && given.method !== 'HEAD') {
        const { error } = JSON.parse(text);
        demandKnown(error.code, error.message);
        if (!/^[0-9a-f]{32}$/.test(error.traceId)) throw new Error('an error without a trace');
        return error.code;
      }
      return `${status} ${type}`;
    };
    const close = async () => {
      agent.destroy();
      await host.stop();
    };
    return { arbitrary: request, check, close };
  },
};

function send(url, agent, { method, target, headers, json, body }) {
  const all = { ...(json ? { 'content-type': 'application/json' } : {}), ...Object.fromEntries(headers) };
  const hasBody = !['GET', 'HEAD', 'DELETE', 'OPTIONS'].includes(method);
  return new Promise((resolve, reject) => {
    const sent = http_.request(`${url}/`, { method, path: target, headers: all, agent }, (response) => {
      const { statusCode: status = 0, headers: answered } = response;
      const type = answered['content-type'] ?? '';
      // a stream of events has no end
      if (type.startsWith('text/event-stream')) {
        resolve({ status, text: '', type });
        sent.destroy();
        return;
      }
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status, text, type }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(hasBody ? body : undefined);
  });
}
