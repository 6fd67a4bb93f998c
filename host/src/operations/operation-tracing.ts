import type { BellowsError } from '@bellows/sdk';
import { type Context, context, ROOT_CONTEXT, type Span, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { registeredTracer, TRACER_NAME } from './tracing-provider.js';

export interface TracedCall {
  readonly operation: string;
  readonly plugin: string;
  readonly tenant: string;
  readonly criticality: string;
  /** The caller's, as a header brought it or a handler handed it on. */
  readonly traceparent: string | undefined;
  /** From outside of this process. */
  readonly isRemote: boolean;
}

/** The span of one call, with what its handler sees of it. */
export interface CallSpan {
  readonly traceId: string;
  readonly traceparent: string;
  /** Runs the handler, so that spans made in it are children of this one. */
  run<T>(work: () => T): T;
  note(name: string, value: string | boolean): void;
  /** `error` undefined: it went well. To be called once. */
  end(error: BellowsError | undefined): void;
}

/**
 * A span for every call where somebody has registered a provider with the OpenTelemetry API, in whatever copy of it; undefined where
 * nobody has, which costs two reads of a property.
 */
export function startSpan(call: TracedCall): CallSpan | undefined {
  const tracer = registeredTracer();
  if (!tracer) return undefined;
  const parent = parentOf(call);
  const { operation, plugin, tenant, criticality, isRemote } = call;
  const attributes = {
    'rpc.system': TRACER_NAME,
    'rpc.service': plugin,
    'rpc.method': operation,
    'bellows.tenant': tenant,
    'bellows.criticality': criticality,
  };
  const span = tracer.startSpan(operation, { kind: isRemote ? SpanKind.SERVER : SpanKind.INTERNAL, attributes }, parent);
  const { traceId, spanId, traceFlags } = span.spanContext();
  const own = trace.setSpan(parent, span);
  return {
    traceId,
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    run: (work) => context.with(own, work),
    note: (name, value) => span.setAttribute(name, value),
    end: (error) => endSpan(span, error),
  };
}

/** Trace, span and flags of a header `traceparent`; undefined when it is none, as W3C Trace Context demands. */
export function parseTraceparent(header: string | undefined): SpanContext | undefined {
  // A later version may be longer; one of ours may not.
  const found = header === undefined || header.length > 512 ? null : TRACEPARENT.exec(header);
  if (!found) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', rest = ''] = found;
  const isWrong = version === 'ff' || (version === '00' && rest !== '') || ZEROS.test(traceId) || ZEROS.test(spanId);
  return isWrong ? undefined : { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** What the caller says comes first: it may have been made long before, in another turn or process. */
function parentOf({ traceparent, isRemote }: TracedCall): Context {
  const given = parseTraceparent(traceparent);
  if (given) return trace.setSpanContext(isRemote ? ROOT_CONTEXT : context.active(), given);
  return isRemote ? ROOT_CONTEXT : context.active();
}

/** By who must act: a call that its caller got wrong is no fault of this side. */
function endSpan(span: Span, error: BellowsError | undefined): void {
  if (error) {
    span.setAttribute('error.type', error.code);
    if (error.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  }
  span.end();
}
