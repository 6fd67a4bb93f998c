import { callOptionsFrom, InputError, type OperationCall, PluginError, seededRandom, silentLogger, z } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BatchSpanProcessor, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import * as newestApi from 'opentelemetry-api-newest';
import * as apiOfSdk2 from 'opentelemetry-api-of-sdk-2';
import { OperationRegistry } from '../../src/operations/operation-registry.js';
import { parseTraceparent } from '../../src/operations/operation-tracing.js';
import { flushSpans, tracingNote } from '../../src/operations/tracing-provider.js';

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TRACE = PARENT.slice(3, 35);

function open() {
  const registry = new OperationRegistry({ clock: new FakeClock(), logger: silentLogger, random: seededRandom(1) });
  const operations = registry.forPlugin('demo', new AbortController().signal);
  const calls: OperationCall[] = [];
  const provide = (name: string, handler: (call: OperationCall) => Promise<unknown>) =>
    operations.provide({
      name,
      summary: '',
      input: z.unknown(),
      output: z.unknown(),
      handler: async (_input, call) => {
        calls.push(call);
        return handler(call);
      },
    });
  return { registry, operations, provide, calls };
}

describe('a call while nobody traces', () => {
  it('has the trace its caller gives, hands the header on as it came, and makes none of its own', async () => {
    const { operations, provide, calls } = open();
    provide('demo.run', async () => null);
    await operations.call('demo.run', null, { traceparent: PARENT });
    await operations.call('demo.run', null, { traceparent: 'nonsense', traceId: 'given' });
    await operations.call('demo.run', null);
    expect(calls[0]).toMatchObject({ traceId: TRACE, traceparent: PARENT });
    expect(calls[1]).toMatchObject({ traceId: 'given' });
    expect(calls.slice(1).map((call) => call.traceparent)).toEqual([undefined, undefined]);
  });
});

describe('a call while somebody traces', () => {
  const exporter = new InMemorySpanExporter();
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  });
  afterEach(() => exporter.reset());
  afterAll(() => {
    trace.disable();
    context.disable();
    propagation.disable();
    forgetApi(1);
  });
  const spans = () => exporter.getFinishedSpans();

  it('is a span of its trace, of the kind server where it came from outside, and tells the edge its trace', async () => {
    const { registry, operations, provide, calls } = open();
    provide('demo.run', async () => null);
    let told: string | undefined;
    await registry.call('demo.run', null, { traceparent: PARENT, tenant: 'acme', onTrace: (traceId) => (told = traceId) });
    await operations.call('demo.run', null);
    expect(spans()).toMatchObject([
      {
        name: 'demo.run',
        kind: SpanKind.SERVER,
        parentSpanContext: { spanId: PARENT.slice(36, 52), isRemote: true },
        attributes: {
          'rpc.system': 'bellows',
          'rpc.service': 'demo',
          'rpc.method': 'demo.run',
          'bellows.tenant': 'acme',
          'bellows.criticality': 'degraded',
        },
        status: { code: SpanStatusCode.UNSET },
      },
      { name: 'demo.run', kind: SpanKind.INTERNAL },
    ]);
    const [fromOutside, own] = spans().map((span) => span.spanContext());
    expect([told, fromOutside?.traceId, calls[0]?.traceId]).toEqual([TRACE, TRACE, TRACE]);
    expect(calls[0]?.traceparent).toBe(`00-${TRACE}-${fromOutside?.spanId}-01`);
    expect([own?.traceId, calls[1]?.traceparent]).toEqual([calls[1]?.traceId, `00-${own?.traceId}-${own?.spanId}-01`]);
  });

  it('is the parent of what its handler calls, told to by the helper or not', async () => {
    const { operations, provide } = open();
    provide('demo.inner', async () => null);
    provide('demo.told', (call) => operations.call('demo.inner', null, callOptionsFrom(call)));
    provide('demo.untold', () => operations.call('demo.inner', null));
    for (const name of ['demo.told', 'demo.untold']) {
      exporter.reset();
      await operations.call(name, null, { traceparent: PARENT });
      const [inner, outer] = spans();
      expect([inner?.name, outer?.name]).toEqual(['demo.inner', name]);
      expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
      expect(inner?.spanContext().traceId).toBe(TRACE);
    }
  });

  it('says what it failed of, and is an error where the caller is not to blame', async () => {
    const { operations, provide } = open();
    const faults = [new InputError('BAD', 'bad'), new PluginError('BROKEN', 'broken'), new TypeError('a bug')];
    provide('demo.run', async () => {
      throw faults.shift();
    });
    for (let n = 0; n < 3; n += 1) await operations.call('demo.run', null).catch(() => {});
    await operations.call('demo.run', null, { deadlineMs: 0 }).catch(() => {});
    expect(spans().map(({ attributes, status }) => [attributes['error.type'], status.code])).toEqual([
      ['BAD', SpanStatusCode.UNSET],
      ['BROKEN', SpanStatusCode.ERROR],
      ['HANDLER_THREW', SpanStatusCode.ERROR],
      ['DEADLINE_EXCEEDED', SpanStatusCode.ERROR],
    ]);
    expect(JSON.stringify(spans().map(({ status }) => status))).not.toContain('a bug');
  });

  it('is one span whatever a header says, and a parent that is none is left out', async () => {
    const { registry, provide } = open();
    provide('demo.run', async () => null);
    const header = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.stringMatching(/^[0-9a-f]{2}-[0-9a-f]{30,34}-[0-9a-f]{14,18}-[0-9a-f]{1,3}$/),
    );
    await fc.assert(
      fc.asyncProperty(header, async (traceparent) => {
        exporter.reset();
        await registry.call('demo.run', null, { traceparent, onTrace: () => {} });
        const parent = parseTraceparent(traceparent);
        // The usual sampler records what its parent records.
        const isSampled = parent === undefined || parent.traceFlags % 2 === 1;
        expect(spans().map((span) => span.parentSpanContext?.spanId)).toEqual(isSampled ? [parent?.spanId] : []);
      }),
      { numRuns: 200 },
    );
  });
});

describe.each([
  ['the oldest current SDKs bring', apiOfSdk2],
  ['the newest', newestApi],
])('a provider that was registered with the API %s', (_which, api) => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
  // It has what the types of that API know and those of the host's do not.
  beforeAll(() => void api.trace.setGlobalTracerProvider(provider as never));
  afterAll(() => forgetApi(1));

  it('gets the spans of calls, and is made to send them when the host stops', async () => {
    const { operations, provide } = open();
    provide('demo.run', async () => null);
    await operations.call('demo.run', null, { traceparent: PARENT });
    expect(tracingNote()).toMatchObject({ level: 'info', text: expect.stringMatching(/^calls are traced/) });
    expect(exporter.getFinishedSpans()).toEqual([]);
    await flushSpans();
    expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'demo.run', parentSpanContext: { spanId: PARENT.slice(36, 52) } }]);
  });
});

describe('tracingNote', () => {
  afterEach(() => {
    forgetApi(1);
    forgetApi(2);
  });

  it('has nothing to say aloud while nobody traces, and then there is nothing to send', async () => {
    expect(tracingNote()).toEqual({ level: 'debug', text: 'calls are not traced: no OpenTelemetry provider is registered' });
    await flushSpans();
  });

  it.each([
    [1, '1.3.0'],
    [2, '2.0.1'],
  ])('warns of a provider the API of the host does not see, of its major version %s', async (major, version) => {
    Object.assign(globalThis, { [Symbol.for(`opentelemetry.js.api.${major}`)]: { version, trace: {} } });
    const { operations, provide, calls } = open();
    provide('demo.run', async () => null);
    await operations.call('demo.run', null);
    expect(calls[0]?.traceparent).toBeUndefined();
    expect(tracingNote()).toMatchObject({ level: 'warn', text: expect.stringContaining(`@opentelemetry/api ${version}`) });
  });
});

/** As in a process in which nothing was registered. */
function forgetApi(major: number): void {
  delete (globalThis as unknown as Record<symbol, unknown>)[Symbol.for(`opentelemetry.js.api.${major}`)];
}

describe('parseTraceparent', () => {
  it('takes what W3C Trace Context allows, also of later versions', () => {
    expect(parseTraceparent(PARENT)).toEqual({ traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags: 1, isRemote: true });
    expect(parseTraceparent(`cc${PARENT.slice(2)}-what-the-future-brings`)?.traceId).toBe(TRACE);
  });

  it.each([
    undefined,
    '',
    PARENT.toUpperCase(),
    `${PARENT}-more`,
    `ff${PARENT.slice(2)}`,
    PARENT.slice(0, -1),
    ` ${PARENT}`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `cc${PARENT.slice(2)}-${'x'.repeat(600)}`,
    `${PARENT}\n`,
  ])('takes no %j', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
