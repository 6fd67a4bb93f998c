import { describe, expect, it } from '@jest/globals';
import { createClient } from '../../src/client/create-client.js';
import { type BellowsError, isKind, RemoteError } from '../../src/client/index.js';
import { clientOf, json, nobody, refusal } from './fake-host.js';

const failure = (promise: Promise<unknown>): Promise<BellowsError> =>
  promise.then(
    () => Promise.reject(new Error('it did not reject')),
    (error: BellowsError) => error,
  );

describe('call', () => {
  it('sends what it was given, and answers what the host says', async () => {
    const { client, asked } = clientOf([() => json({ text: 'Hi' })], {
      url: 'https://host.test/bellows/',
      token: 'secret',
      tenant: 'acme',
    });
    const options = {
      user: 'ada',
      idempotencyKey: 'key-1',
      criticality: 'bulk' as const,
      deadlineMs: 1500.4,
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    };
    await expect(client.call('greeter.greet', { name: 'Ada' }, options)).resolves.toEqual({ text: 'Hi' });
    expect(asked).toMatchObject([
      {
        url: 'https://host.test/bellows/v1/operations/greeter.greet',
        method: 'POST',
        body: '{"name":"Ada"}',
        headers: {
          authorization: 'Bearer secret',
          'bellows-tenant': 'acme',
          'bellows-user': 'ada',
          'bellows-criticality': 'bulk',
          'bellows-deadline-ms': '1500',
          'idempotency-key': 'key-1',
          traceparent: options.traceparent,
        },
      },
    ]);
  });

  it('sends {} for an input that is left undefined, and null as null', async () => {
    const { client, asked } = clientOf([() => json(1)]);
    await client.call('a.b', undefined);
    await client.call('a.b', null);
    expect(asked.map(({ body }) => body)).toEqual(['{}', 'null']);
  });

  it.each([
    [{ tenant: 'ä' }, 'tenant'],
    [{ user: 'a\r\nevil: 1' }, 'user'],
    [{ idempotencyKey: '' }, 'idempotencyKey'],
    [{ criticality: 'high' as never }, 'criticality'],
    [{ traceparent: '00-1-2-3' }, 'traceparent'],
    [{ deadlineMs: Number.NaN }, 'deadlineMs'],
    [{ retry: { maxAttempts: Number.NaN } }, 'retry.maxAttempts'],
    [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts'],
    [{ retry: { maxRetryAfterMs: -1 } }, 'retry.maxRetryAfterMs'],
    [{ retry: { maxMs: '5' as never } }, 'retry.maxMs'],
  ])('refuses %j before anything is sent', async (options, path) => {
    const { client, asked } = clientOf([() => json(1)]);
    expect(await failure(client.call('a.b', {}, options))).toMatchObject({ code: 'CALL_OPTIONS_INVALID', details: [{ path }] });
    expect(asked).toEqual([]);
  });

  it('is not made with numbers that mean nothing', () => {
    const url = 'http://127.0.0.1:7070';
    for (const [options, path] of [
      [{ url, maxAnswerBytes: Number.NaN }, 'maxAnswerBytes'],
      [{ url, maxAnswerBytes: 0 }, 'maxAnswerBytes'],
      [{ url, retry: { initialMs: Number.NaN } }, 'retry.initialMs'],
    ] as const) {
      expect(() => createClient(options)).toThrow(
        expect.objectContaining({ code: 'CALL_OPTIONS_INVALID', details: [expect.objectContaining({ path })] }),
      );
    }
  });

  it.each([
    [{ tokn: 'a' }, 'client.tokn is unknown: did you mean token?'],
    [{ retry: { maxAtempts: 2 } }, 'retry.maxAtempts is unknown: did you mean maxAttempts?'],
    [{ retry: 5 }, 'retry must be an object'],
  ])('is not made with options nobody knows: %j', (options, text) => {
    expect(() => createClient({ url: 'http://host.test:7070', ...options } as never)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'CALL_OPTIONS_INVALID', message: expect.stringContaining(text) }),
    );
  });

  it('refuses options nobody knows, before anything is sent', async () => {
    const { client, asked } = clientOf([() => json({})]);
    const wrong = { code: 'CALL_OPTIONS_INVALID', details: [{ path: 'call.deadlineMS', suggestion: 'deadlineMs' }] };
    const given = { deadlineMS: 5 } as never;
    await expect(client.call('a.b', {}, given)).rejects.toMatchObject(wrong);
    await expect(client.status(given)).rejects.toMatchObject(wrong);
    await expect(client.upload(new Blob([]), given)).rejects.toMatchObject(wrong);
    expect(() => client.events({ topic: 'status' } as never)).toThrow(expect.objectContaining({ code: 'CALL_OPTIONS_INVALID' }));
    for (const events of [{ topics: 'status' }, { topics: [] }, { topics: ['a b'] }, { lastEventId: -1 }, { maxFailures: Number.NaN }]) {
      expect(() => client.events(events as never)).toThrow(expect.objectContaining({ code: 'CALL_OPTIONS_INVALID' }));
    }
    expect(asked).toEqual([]);
  });

  it('refuses an input that JSON cannot hold', async () => {
    const { client } = clientOf([() => json(1)]);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const input of [{ value: 1n }, circle]) expect(await failure(client.call('a.b', input))).toMatchObject({ code: 'INPUT_NOT_JSON' });
  });

  it.each(['not an address', 'ftp://host', 'http://name:secret@host', ''])('refuses the address %j', (url) => {
    expect(() => clientOf([], { url })).toThrow('url must be the address of a host');
  });
});

describe('an error of the host', () => {
  it('comes back as the kind of its status, with all that it says', async () => {
    const details = [{ path: 'name', message: 'is missing', suggestion: 'name' }];
    const { client } = clientOf([() => refusal(422, { plugin: 'compute', phase: 'call', details, data: { fuelUsed: '7' } })]);
    const error = await failure(client.call('a.b', {}));
    expect(error).toBeInstanceOf(RemoteError);
    expect(isKind(error, 'guest')).toBe(true);
    expect(error).toMatchObject({
      code: 'SAMPLE',
      status: 422,
      plugin: 'compute',
      phase: 'call',
      details,
      data: { fuelUsed: '7' },
      traceId: 'abc',
    });
  });

  it.each([
    [400, 'input'],
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [409, 'refused'],
    [413, 'input'],
    [429, 'capacity'],
    [499, 'cancelled'],
    [500, 'invariant'],
    [503, 'not_ready'],
    [504, 'deadline'],
    [418, 'input'],
    [599, 'invariant'],
  ])('with the status %i is of the kind %s', async (status, kind) => {
    const { client } = clientOf([() => refusal(status, {})], { retry: false });
    expect(await failure(client.call('a.b', {}))).toMatchObject({ kind, status });
  });

  it('is not believed in what it must not say', async () => {
    const text = `{"error":{"code":"SAMPLE","message":"${'m'.repeat(50_000)}","plugin":5,"details":[null,{"path":1},{"path":"a","message":"b","more":1}],
      "retryAfterMs":-1,"traceId":{},"data":{"__proto__":{"polluted":1},"fine":1},"kind":"invariant","stack":"mine"}}`;
    const { client } = clientOf([() => new Response(text, { status: 400 })]);
    const error = await failure(client.call('a.b', {}));
    expect(error.message).toHaveLength(16_384);
    expect(error).toMatchObject({ kind: 'input', details: [{ path: 'a', message: 'b' }], traceId: '' });
    expect(Object.keys(error.data!)).toEqual(['fine']);
    expect([error.plugin, error.retryAfterMs, error.stack]).toEqual([undefined, undefined, expect.not.stringMatching(/^mine/)]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['a page', 200, '<html>'],
    ['nothing', 200, ''],
    ['an error of another shape', 400, '{"error":"no"}'],
    ['a code that is none', 400, '{"error":{"code":"lower","message":"x"}}'],
    ['a page of not found', 404, 'Not here'],
  ])('that is none, but %s, has a code of its own', async (_what, status, text) => {
    const { client, asked } = clientOf([() => new Response(text, { status })]);
    expect(await failure(client.call('a.b', {}, { idempotencyKey: 'k' }))).toMatchObject({ code: 'ANSWER_INVALID' });
    expect(asked).toHaveLength(1);
  });

  it('of a gateway says that the host is away', async () => {
    const { client } = clientOf([() => new Response('Bad gateway', { status: 502 })]);
    expect(await failure(client.call('a.b', {}))).toMatchObject({ code: 'HOST_UNREACHABLE', kind: 'not_ready' });
  });
});

describe('another try', () => {
  it('is made of what is safe until it succeeds, with pauses that grow', async () => {
    const { client, asked, clock } = clientOf([nobody, nobody, () => json(5)]);
    const call = client.call('a.b', {}, { idempotencyKey: 'k' });
    await clock.advance(1_000);
    await expect(call).resolves.toBe(5);
    expect(asked).toHaveLength(3);
  });

  it('is not made of a call that may have been done', async () => {
    const { client, asked } = clientOf([nobody, () => json(5)]);
    const error = await failure(client.call('a.b', {}));
    expect(error).toMatchObject({ code: 'HOST_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') });
    expect(asked).toHaveLength(1);
  });

  it('is not made of a call whose answer has the header Retry-After alone: every 503 has that, also of work that was begun', async () => {
    const { client, asked, clock } = clientOf([() => refusal(503, {}, { 'retry-after': '1' }), () => json('done')]);
    const call = failure(client.call('a.b', {}));
    await clock.advance(2_000);
    expect(await call).toMatchObject({ kind: 'not_ready', retryAfterMs: 1_000 });
    expect(asked).toHaveLength(1);
  });

  it('is made of any call that the host refused and said when, not before', async () => {
    const { client, asked, clock } = clientOf([() => refusal(429, { retryAfterMs: 2_000 }), () => json('done')]);
    const call = client.call('a.b', {});
    await clock.advance(1_999);
    expect(asked).toHaveLength(1);
    await clock.advance(600);
    await expect(call).resolves.toBe('done');
  });

  it('ends with the last failure after the tries that were allowed', async () => {
    const { client, asked, clock } = clientOf([() => refusal(503, { retryAfterMs: 10 })]);
    const call = failure(client.status({ retry: { maxAttempts: 5 } }));
    await clock.advance(10_000);
    expect(await call).toMatchObject({ code: 'SAMPLE', kind: 'not_ready' });
    expect(asked).toHaveLength(5);
  });

  it.each([
    ['it was forbidden', { retry: false as const }, 10],
    ['the host asks for too much patience', {}, 60_000],
    ['the deadline would pass meanwhile', { deadlineMs: 1_000 }, 5_000],
  ])('is not made when %s', async (_why, options, retryAfterMs) => {
    const { client, asked } = clientOf([() => refusal(429, { retryAfterMs })]);
    expect(await failure(client.call('a.b', {}, options))).toMatchObject({ kind: 'capacity', retryAfterMs });
    expect(asked).toHaveLength(1);
  });

  it('tells the host what is left of the deadline', async () => {
    const { client, asked, clock } = clientOf([() => refusal(429, { retryAfterMs: 400 }), () => json(1)]);
    const call = client.call('a.b', {}, { deadlineMs: 1_000 });
    await clock.advance(500);
    await call;
    const [first, second] = asked.map(({ headers }) => Number(headers['bellows-deadline-ms']));
    expect(first).toBe(1_000);
    expect(second).toBeLessThanOrEqual(600);
  });
});

describe('a call that takes long', () => {
  const never = () => new Promise<Response>(() => {});

  it('ends with its deadline, a moment later than the host would end it, even when fetch does not heed the signal', async () => {
    const { client, asked, clock } = clientOf([never]);
    const call = failure(client.call('a.b', {}, { deadlineMs: 1_000 }));
    await clock.advance(1_499);
    expect(asked[0]!.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED', kind: 'deadline' });
    expect(asked[0]!.signal.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('ends when it is withdrawn: before, within, and in the pause before the next try', async () => {
    for (const answer of [never, () => refusal(429, { retryAfterMs: 5_000 })]) {
      const { client, clock } = clientOf([answer]);
      const abort = new AbortController();
      const call = failure(client.call('a.b', {}, { signal: abort.signal }));
      await clock.advance(10);
      abort.abort(new Error('enough'));
      expect(await call).toMatchObject({ code: 'CALL_CANCELLED', kind: 'cancelled', cause: { message: 'enough' } });
      const late = clientOf([answer]);
      expect(await failure(late.client.status({ signal: abort.signal }))).toMatchObject({ code: 'CALL_CANCELLED' });
      expect(late.asked).toEqual([]);
    }
  });
});

describe('an answer', () => {
  it('that is too long is given up, whether it says so or not', async () => {
    const long = `"${'x'.repeat(2_000)}"`;
    const streamed = () => new Response(new Blob([long]).stream());
    for (const answer of [streamed, () => new Response(long, { headers: { 'content-length': String(long.length) } })]) {
      const { client } = clientOf([answer], { maxAnswerBytes: 1_000 });
      expect(await failure(client.call('a.b', {}))).toMatchObject({ code: 'ANSWER_TOO_LARGE' });
    }
  });

  it('that is too long is given up also when it says its length in a way that is no number', async () => {
    const answer = () => json('x'.repeat(1_000), 200, { 'content-length': '5, 5' });
    const { client } = clientOf([answer], { maxAnswerBytes: 100, retry: false });
    expect(await failure(client.call('a.b', {}))).toMatchObject({ code: 'ANSWER_TOO_LARGE' });
  });

  it('that breaks off says that the call may have been done', async () => {
    const broken = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.error(new Error('terminated')),
        }),
      );
    const { client } = clientOf([broken]);
    expect(await failure(client.call('a.b', {}))).toMatchObject({ code: 'ANSWER_CUT', message: expect.stringContaining('terminated') });
  });

  it('brings no key that changes prototypes, however it is written', async () => {
    const { client } = clientOf([() => new Response('{"a":{"\\u005f_proto__":{"polluted":1},"b":1}}')]);
    const answer = (await client.call('a.b', {})) as { a: object };
    expect(Object.getOwnPropertyNames(answer.a)).toEqual(['b']);
  });

  it('must have the shape of what was asked for', async () => {
    const { client } = clientOf([() => json({ plugins: 'none' })]);
    for (const asking of [client.status(), client.plugins(), client.operations()]) {
      expect(await failure(asking)).toMatchObject({ code: 'ANSWER_INVALID' });
    }
    expect(await failure(client.upload(new Uint8Array(1)))).toMatchObject({ code: 'ANSWER_INVALID' });
  });
});

describe('upload', () => {
  it('sends bytes, a blob, a stream or an iterable', async () => {
    const bytes = new TextEncoder().encode('bytes');
    const sent: string[] = [];
    const { client } = clientOf([
      async ({ body }) => {
        sent.push(await new Response(body as Blob).text());
        return json({ url: '/v1/files/1', bytes: 5 });
      },
    ]);
    const iterable = async function* () {
      yield bytes.slice(0, 2);
      yield bytes.slice(2);
    };
    for (const source of [bytes, new Blob([bytes]), new Blob([bytes]).stream(), iterable()]) {
      await expect(client.upload(source)).resolves.toEqual({ url: '/v1/files/1', bytes: 5 });
    }
    expect(sent).toEqual(['bytes', 'bytes', 'bytes', 'bytes']);
  });

  it('says that the source broke, not the connection, and sends a stream once', async () => {
    const { client, asked } = clientOf([
      async ({ body }) => {
        await new Response(body as ReadableStream).text().catch(() => nobody());
        return json({});
      },
    ]);
    const broken = async function* () {
      yield new Uint8Array(3);
      throw new Error('EIO');
    };
    expect(await failure(client.upload(broken()))).toMatchObject({ code: 'UPLOAD_SOURCE_FAILED', cause: { message: 'EIO' } });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['text', 'String'],
    [undefined, 'Undefined'],
    [null, 'Null'],
    [{}, 'Object'],
    [[new Uint8Array(1)], 'Array'],
    [new ArrayBuffer(1), 'ArrayBuffer'],
  ])('refuses %p before it asks the host, and says what to give', async (source, shown) => {
    const { client, asked } = clientOf([async () => json({})]);
    expect(await failure(client.upload(source as never))).toMatchObject({
      kind: 'input',
      code: 'UPLOAD_SOURCE_INVALID',
      message: expect.stringContaining(`a stream of those, not ${shown};`),
    });
    expect(asked).toHaveLength(0);
  });

  it('refuses a piece that is no bytes, and lets go of what gives such pieces', async () => {
    const { client, asked } = clientOf([
      async ({ body }) => {
        await new Response(body as ReadableStream).text().catch(() => nobody());
        return json({});
      },
    ]);
    let isLeft = false;
    const texts = async function* () {
      try {
        yield 'text';
        yield 'more';
      } finally {
        isLeft = true;
      }
    };
    const error = await failure(client.upload(texts() as never));
    expect(error).toMatchObject({ code: 'UPLOAD_SOURCE_INVALID', message: expect.stringContaining('a stream of those, not String;') });
    expect([asked.length, isLeft]).toEqual([1, true]);
  });
});
