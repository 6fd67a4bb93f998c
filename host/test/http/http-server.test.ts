import { connect } from 'node:net';
import { z } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BodyBudget } from '../../src/http/body-budget.js';
import { startHttpServer } from '../../src/http/http-server.js';
import { ask, askRaw, callOperation, type LoopbackHost, NO_CHANGES, startLoopbackHost, until, withToken } from './loopback-host.js';

let host: LoopbackHost;
beforeAll(async () => {
  host = await startLoopbackHost();
});
afterAll(() => host.close());

interface Described {
  readonly responses: { readonly 200: { readonly content: Readonly<Record<string, { readonly schema: object }>> } };
}

/** References as a JSON Schema of its own has them. */
function inSchema(part: object) {
  return JSON.parse(JSON.stringify(part).replaceAll('#/components/schemas/', '#/$defs/'));
}

const errorShape = (code: string) => ({ error: { code, message: expect.any(String), traceId: expect.stringMatching(/^[0-9a-f]{32}$/) } });

describe('the routes that read', () => {
  it('answers /health, /ready, /v1/status, /v1/plugins and /v1/operations', async () => {
    expect((await ask(host, '/health')).status).toBe(200);
    const ready = await ask(host, '/ready');
    expect(ready).toMatchObject({ status: 200, json: { ready: true } });
    expect(Object.keys(ready.json.plugins[0])).toEqual(['id', 'state', 'reason', 'message', 'since', 'configRevision']);
    expect((await ask(host, '/v1/status')).json).toMatchObject({ version: '0.1.0', subsystems: [{ name: 'demo.pool' }] });
    expect((await ask(host, '/v1/plugins')).json.plugins[0]).toMatchObject({ id: 'demo', version: '1.0.0' });
    const { operations } = (await ask(host, '/v1/operations')).json;
    expect(operations.map(({ name }: { name: string }) => name)).toEqual([
      'demo.add',
      'demo.bigint',
      'demo.call',
      'demo.commands',
      'demo.echo',
      'demo.slow',
      'demo.throw',
    ]);
    expect((await ask(host, '/openapi.json')).json).toMatchObject({ openapi: '3.1.0', paths: { '/v1/operations/demo.add': { post: {} } } });
  });

  it('answers what its OpenAPI document says', async () => {
    const document = (await ask(host, '/openapi.json')).json;
    const $defs = inSchema(document.components.schemas);
    for (const [path, { get }] of Object.entries<{ get?: Described }>(document.paths)) {
      if (!get || path === '/v1/events') continue;
      const [[type, { schema }] = ['', { schema: {} }]] = Object.entries(get.responses[200].content);
      const answer = await ask(host, path);
      expect({ path, status: answer.status, type: answer.headers['content-type'] }).toEqual({
        path,
        status: 200,
        type: expect.stringContaining(type),
      });
      if (answer.json === undefined) continue;
      const checked = z.fromJSONSchema({ ...inSchema(schema), $defs }).safeParse(answer.json);
      expect({ path, problems: checked.error?.issues ?? [] }).toEqual({ path, problems: [] });
    }
    const error = (await ask(host, '/v1/decisions?limit=0')).json;
    expect(z.fromJSONSchema({ ...inSchema(document.components.schemas.Error), $defs }).safeParse(error)).toMatchObject({ success: true });
  });

  it('answers /ready with 503 while a required plugin is not active', async () => {
    const waiting = await startLoopbackHost({ ready: () => false });
    expect(await ask(waiting, '/ready')).toMatchObject({ status: 503, json: { ready: false } });
    await waiting.close();
  });

  it('answers decisions by subsystem, and says which subsystem was meant', async () => {
    expect((await ask(host, '/v1/decisions?subsystem=demo.pool&limit=1')).json.decisions).toHaveLength(1);
    expect(await ask(host, '/v1/decisions?subsystem=demo.pol')).toMatchObject({
      status: 404,
      json: { error: { code: 'SUBSYSTEM_UNKNOWN', details: [{ suggestion: 'demo.pool' }] } },
    });
    for (const limit of ['0', '-1', '1e3', '99999999', 'x', '1&limit=2']) {
      expect(await ask(host, `/v1/decisions?limit=${limit}`)).toMatchObject({ status: 400, json: { error: { code: 'QUERY_INVALID' } } });
    }
  });

  it('refuses a parameter it does not know, and names the nearest', async () => {
    const refused = async (path: string) => (await ask(host, path)).json.error;
    expect(await refused('/v1/events?topic=metrics')).toMatchObject({
      code: 'QUERY_INVALID',
      message: 'query.topic is unknown; did you mean topics?',
      details: [{ path: 'query.topic', suggestion: 'topics' }],
    });
    expect((await refused('/v1/decisions?zebra=1')).message).toBe('query.zebra is unknown; there are: subsystem, limit.');
    for (const path of ['/v1/status?x', '/openapi.json?x=1', '/v1/operations?token=x', '/?tokn=x', '/v1/events?__proto__=1']) {
      expect(await refused(path)).toMatchObject({ code: 'QUERY_INVALID' });
    }
    expect((await callOperation(host, 'demo.echo?x=1')).json.error).toMatchObject({ code: 'QUERY_INVALID' });
    // probes and scrapers add parameters against caches
    for (const path of ['/health?x=1', '/ready?x=1', '/metrics?x=1']) expect((await ask(host, path)).status).toBe(200);
    expect(await refused('/nothing?x=1')).toMatchObject({ code: 'ROUTE_UNKNOWN' });
    expect(await refused(`/v1/status?${'x'.repeat(5_000)}`)).toMatchObject({ message: expect.stringMatching(/^.{0,150}$/) });
  });
});

describe('POST /v1/operations', () => {
  it('answers with the output alone', async () => {
    expect(await callOperation(host, 'demo.add', { first: 2, second: 3 })).toMatchObject({
      status: 200,
      json: 5,
      headers: { 'cache-control': 'no-store' },
    });
  });

  it('hands on what the headers say', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = {
      'bellows-tenant': 'acme',
      'bellows-user': 'ann',
      'bellows-criticality': 'bulk',
      'idempotency-key': 'k1',
      traceparent,
    };
    expect((await callOperation(host, 'demo.call', {}, headers)).json).toEqual({
      tenant: 'acme',
      user: 'ann',
      criticality: 'bulk',
      idempotencyKey: 'k1',
      traceId: '0af7651916cd43dd8448eb211c80319c',
    });
    const malformed = await callOperation(host, 'demo.call', {}, { traceparent: '00-zz' });
    expect(malformed.json.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('refuses every header that is not valid, all at once', async () => {
    const headers = {
      'bellows-tenant': '',
      'bellows-criticality': 'crit',
      'bellows-deadline-ms': '1.5',
      'idempotency-key': 'x'.repeat(300),
    };
    const answer = await callOperation(host, 'demo.echo', {}, headers);
    expect(answer).toMatchObject({ status: 400, json: { error: { code: 'HEADER_INVALID' } } });
    expect(answer.json.error.details.map(({ path }: { path: string }) => path).sort()).toEqual([
      'headers.bellows-criticality',
      'headers.bellows-deadline-ms',
      'headers.bellows-tenant',
      'headers.idempotency-key',
    ]);
  });

  it('ends at the earlier of the deadlines in header and body', async () => {
    for (const [header, body] of [
      ['20', 60_000],
      ['60000', 20],
    ] as const) {
      const answer = await callOperation(host, 'demo.slow', { deadlineMs: body }, { 'bellows-deadline-ms': header });
      expect(answer).toMatchObject({ status: 504, json: errorShape('DEADLINE_EXCEEDED') });
    }
    for (const { release } of host.slow.splice(0)) release();
  });

  it('answers unknown names, invalid input, throwing handlers and impossible output in one shape', async () => {
    expect(await callOperation(host, 'demo.ad')).toMatchObject({
      status: 404,
      json: { error: { code: 'OPERATION_UNKNOWN', details: [{ suggestion: 'demo.add' }] } },
    });
    expect(await callOperation(host, 'demo.add', { first: 'x', secnd: 1 })).toMatchObject({
      status: 400,
      json: { error: { code: 'INPUT_INVALID', plugin: 'demo' } },
    });
    const thrown = await callOperation(host, 'demo.throw');
    expect(thrown).toMatchObject({ status: 500, json: errorShape('HANDLER_THREW') });
    expect(thrown.text).not.toContain('secret detail');
    expect(await callOperation(host, 'demo.bigint')).toMatchObject({ status: 500, json: errorShape('OUTPUT_INVALID') });
  });

  it('takes JSON only, plain', async () => {
    const types = [
      undefined,
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      'text/json',
    ];
    for (const type of types) {
      expect(await callOperation(host, 'demo.echo', {}, { 'content-type': type })).toMatchObject({
        status: 415,
        json: errorShape('CONTENT_TYPE'),
      });
    }
    expect(await callOperation(host, 'demo.echo', {}, { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
    expect(await callOperation(host, 'demo.echo', {}, { 'content-type': 'application/json; charset=utf-8' })).toMatchObject({
      status: 200,
    });
  });

  it('refuses what is no JSON, and keys that change prototypes however they are spelt', async () => {
    const hostile = [
      '',
      ' ',
      '{',
      'undefined',
      '{"a":1}}',
      '{"__proto__":{"x":1}}',
      '{"a":[{"\\u005f_proto__":1}]}',
      '{"constructor":{"prototype":{"x":1}}}',
    ];
    for (const body of hostile)
      expect(await callOperation(host, 'demo.echo', body)).toMatchObject({ status: 400, json: errorShape('JSON_INVALID') });
    expect((await callOperation(host, 'demo.echo', '{"constructor":"__proto__"}')).json).toEqual({ constructor: '__proto__' });
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it('refuses JSON nested or split up beyond any use, and is not misled by what is in strings', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(await callOperation(host, 'demo.echo', deep)).toMatchObject({ status: 400, json: errorShape('JSON_INVALID') });
    const many = await callOperation(host, 'demo.echo', `[${'0,'.repeat(250_000)}0]`);
    expect(many).toMatchObject({ status: 400, json: errorShape('JSON_INVALID') });
    const commas = ','.repeat(5_000_000);
    expect((await callOperation(host, 'demo.echo', { commas })).json).toEqual({ commas });
    const brackets = { text: '['.repeat(100_000), quoted: ['"[[[', '\\', '\\"['] };
    expect((await callOperation(host, 'demo.echo', brackets)).json).toEqual(brackets);
  });

  it('refuses a body over 64 MiB by its announced length and by its real one', async () => {
    const announced = 64 * 1024 * 1024 + 1;
    const head = `POST /v1/operations/demo.echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    expect(await askRaw(host, `${head}Content-Length: ${announced}\r\n\r\n{`)).toMatch(/^HTTP\/1.1 413 .*"BODY_TOO_LARGE"/s);
    const answer = await callOperation(host, 'demo.echo', `"${'x'.repeat(announced)}"`, { 'transfer-encoding': 'chunked' });
    expect(answer).toMatchObject({ status: 413 });
  }, 20_000);

  it('holds large bodies up to a bound, gives it back with each answer, and takes small ones always', async () => {
    const bodies = new BodyBudget(3_000_000);
    const bounded = await startLoopbackHost({ bodies });
    const two = JSON.stringify('x'.repeat(2_000_000));
    const first = callOperation(bounded, 'demo.slow', two);
    await until(() => bounded.slow.length === 1);
    expect(bodies.heldBytes).toBe(two.length);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      expect(await callOperation(bounded, 'demo.echo', two, headers)).toMatchObject({
        status: 429,
        headers: { 'retry-after': '1' },
        json: errorShape('BODIES_FULL'),
      });
    }
    const small = JSON.stringify('x'.repeat(1_000_000));
    expect((await callOperation(bounded, 'demo.echo', small)).status).toBe(200);
    expect((await callOperation(bounded, 'demo.echo', small, { 'transfer-encoding': 'chunked' })).status).toBe(200);
    bounded.slow[0]?.release();
    expect((await first).status).toBe(200);
    await until(() => bodies.heldBytes === 0);
    expect((await callOperation(bounded, 'demo.echo', two)).status).toBe(200);
    const half = connect(bounded.server.port, '127.0.0.1', () =>
      half.write(
        `POST /v1/operations/demo.echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2000002\r\n\r\n${two.slice(0, -1)}`,
      ),
    );
    await until(() => bodies.heldBytes === two.length - 1);
    half.destroy();
    await until(() => bodies.heldBytes === 0);
    await bounded.close();
  });

  it('ends the work of a client that goes away', async () => {
    const socket = connect(host.server.port, '127.0.0.1', () =>
      socket.write(
        'POST /v1/operations/demo.slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
      ),
    );
    await until(() => host.slow.length === 1);
    const [call] = host.slow.splice(0);
    expect(call?.signal.aborted).toBe(false);
    socket.destroy();
    await until(() => call?.signal.aborted === true);
    expect(call?.signal.reason).toMatchObject({ kind: 'cancelled' });
    await until(() => host.registry.metrics.inFlight().get('demo.slow') === 0);
  });

  it('forgets a body that never arrived whole', async () => {
    const socket = connect(host.server.port, '127.0.0.1', () =>
      socket.write(
        'POST /v1/operations/demo.echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"half":',
      ),
    );
    await new Promise((resolve) => socket.once('ready', resolve));
    socket.destroy();
    expect((await callOperation(host, 'demo.echo', { still: 'here' })).json).toEqual({ still: 'here' });
  });

  it('answers 200 calls at once, each with its own answer', async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    const answers = await Promise.all(numbers.map((number) => callOperation(host, 'demo.echo', { number })));
    expect(answers.map(({ json }) => json.number)).toEqual(numbers);
  });

  it('says when to come back where there is no room', async () => {
    host.registry.setTenants({ busy: { limits: { maxConcurrentOperations: 1 } } });
    const running = callOperation(host, 'demo.slow', {}, { 'bellows-tenant': 'busy' });
    await until(() => host.slow.length === 1);
    const refused = await callOperation(host, 'demo.slow', {}, { 'bellows-tenant': 'busy' });
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' }, json: errorShape('TENANT_LIMIT') });
    for (const { release } of host.slow.splice(0)) release();
    expect((await running).status).toBe(200);
  });
});

describe('what has no route or is no HTTP', () => {
  it('answers 404 and 405 in the shape of every error', async () => {
    expect(await ask(host, '/nothing')).toMatchObject({ status: 404, json: errorShape('ROUTE_UNKNOWN') });
    expect(await ask(host, '/v1/operations/demo.echo')).toMatchObject({
      status: 405,
      headers: { allow: 'POST' },
      json: errorShape('METHOD_NOT_ALLOWED'),
    });
    expect(await ask(host, '/health', { method: 'DELETE' })).toMatchObject({ status: 405, json: errorShape('METHOD_NOT_ALLOWED') });
    expect(await ask(host, '/v1/operations/demo.echo', { method: 'OPTIONS' })).toMatchObject({ status: 405 });
    expect(await ask(host, '/v1/operations/%ff')).toMatchObject({ status: 400, json: errorShape('URL_INVALID') });
    expect((await callOperation(host, 'x'.repeat(5_000))).status).toBe(414);
  });

  it('answers bytes that are no HTTP, and headers that smuggle', async () => {
    expect(await askRaw(host, 'hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*"REQUEST_INVALID"/s);
    expect(await askRaw(host, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    expect(await askRaw(host, 'GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\rSet-Cookie: b\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(
      await askRaw(
        host,
        'POST /v1/operations/demo.echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      ),
    ).toMatch(/^HTTP\/1.1 400 /);
    expect(await askRaw(host, 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*"HEADER_INVALID"/s);
    const hosts = 'Host: localhost\r\nhost: evil.example\r\nConnection: close';
    expect(await askRaw(host, `GET /health HTTP/1.1\r\n${hosts}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 .*more than one Host/s);
  });

  it('ignores an expectation that HTTP does not know', async () => {
    expect(await ask(host, '/health', { headers: { expect: 'the-unexpected' } })).toMatchObject({ status: 200, json: { status: 'ok' } });
  });

  it('never lets a header of a request into the headers of an answer', async () => {
    const answer = await ask(host, `/?token=${encodeURIComponent('x\r\nset-cookie: a=b')}`);
    expect(answer.status).toBe(401);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });
});

describe('/metrics', () => {
  it('has the names users rely on, read at the scrape', async () => {
    await callOperation(host, 'demo.add', { first: 1, second: 1 });
    host.bus.publish({
      topic: 'decision',
      payload: { id: 'd', subsystem: 'demo.pool', from: 1, to: 2, reason: '', limitedBy: 'demand', at: 1, outcome: 'applied', inputs: {} },
    });
    await until(() => host.bus.counters().some(({ topic, delivered }) => topic === 'decision' && delivered >= 2));
    const { text, headers } = await ask(host, '/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=0.0.4/);
    for (const line of [
      /^bellows_operation_duration_seconds_bucket\{le="\+Inf",operation="demo.add",outcome="ok"\} \d+$/m,
      /^bellows_operation_duration_seconds_count\{operation="demo.add",outcome="ok"\} \d+$/m,
      /^bellows_operation_in_flight\{operation="demo.add"\} 0$/m,
      /^bellows_subsystem_limit\{subsystem="demo.pool",limit="maxConcurrentOperations"\} 8$/m,
      /^bellows_subsystem_queue_depth\{subsystem="demo.pool"\} 1$/m,
      /^bellows_subsystem_backpressure_state\{subsystem="demo.pool"\} 1$/m,
      /^bellows_cache_hits_total\{subsystem="demo.pool"\} 30$/m,
      /^bellows_cache_misses_total\{subsystem="demo.pool"\} 30$/m,
      /^bellows_bus_delivered_total\{topic="decision",class="data"\} \d+$/m,
      /^bellows_bus_dropped_total\{topic="decision",class="data"\} 0$/m,
      /^bellows_bus_errors_total\{topic="decision",class="data"\} 0$/m,
      /^bellows_plugin_state\{plugin="demo",state="active"\} 1$/m,
      /^bellows_plugin_state\{plugin="demo",state="failed"\} 0$/m,
      /^bellows_decisions_total\{subsystem="demo.pool",outcome="applied"\} 1$/m,
      /^bellows_event_loop_delay_seconds 0.012$/m,
      /^bellows_build_info\{version="0\.1\.0",node="\d+\.\d+\.\d+"\} 1$/m,
      /^process_start_time_seconds 1700000000$/m,
      /^process_resident_memory_bytes 2$/m,
      /^bellows_config_revision \d+$/m,
      /^bellows_config_last_reload_successful [01]$/m,
      /^bellows_config_last_reload_timestamp_seconds \d+/m,
      /^bellows_tokens_file_refused 0$/m,
      /^bellows_refused_calls_total\{tenant="default",code="TENANT_LIMIT"\} 0$/m,
    ])
      expect(text).toMatch(line);
  });
});

describe('close', () => {
  it('lets running requests end, takes no new ones, and can be called twice', async () => {
    const closing = await startLoopbackHost();
    const running = callOperation(closing, 'demo.slow', {});
    await until(() => closing.slow.length === 1);
    const closed = Promise.all([closing.server.close(), closing.server.close()]);
    await expect(ask(closing, '/health')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    closing.slow[0]?.release();
    expect(await running).toMatchObject({ status: 200, json: 'done', headers: { connection: 'close' } });
    await closed;
    closing.bus.close();
  });

  it('ends requests that do not end by themselves', async () => {
    const closing = await startLoopbackHost({ closeTimeoutMs: 20 });
    const running = callOperation(closing, 'demo.slow', {});
    await until(() => closing.slow.length === 1);
    await closing.close();
    expect(await running).toMatchObject({ status: 503, json: errorShape('HOST_STOPPING') });
    expect(closing.slow[0]?.signal.aborted).toBe(true);
  });
});

describe('listening', () => {
  const options = () => ({
    view: host.view,
    control: NO_CHANGES,
    registry: host.registry,
    token: 't',
    users: null,
    logger: host.view.logger,
  });

  it('refuses an address others can reach when there are no users', async () => {
    for (const address of ['0.0.0.0', '::', '192.0.2.1']) {
      await expect(startHttpServer({ ...options(), address, port: 0 })).rejects.toMatchObject({ code: 'TOKENS_NEEDED', kind: 'config' });
    }
  });

  it('says what to do when the port is in use', async () => {
    await expect(startHttpServer({ ...options(), address: '127.0.0.1', port: host.server.port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      kind: 'config',
      message: expect.stringMatching(/bellows doctor.*--port, BELLOWS_PORT or host\.port/),
    });
  });

  it('still answers everybody after all of this', async () => {
    expect((await callOperation(host, 'demo.commands', {}, withToken)).json).toBe('ran');
  });
});
