import { type Tracer, trace } from '@opentelemetry/api';

/** The name under which the host makes its spans. */
export const TRACER_NAME = 'bellows';

/** The API answers with a proxy also where nobody is behind it; only the proxy knows. */
export function registeredTracer(): Tracer | undefined {
  const provider: Provider = trace.getTracerProvider();
  return provider.getDelegateTracer ? provider.getDelegateTracer(TRACER_NAME) : provider.getTracer(TRACER_NAME);
}

export interface TracingNote {
  readonly level: 'debug' | 'info' | 'warn';
  readonly text: string;
}

/**
 * What an operator should know of how calls are traced now. A copy of the API sees only what was registered with one of its own major
 * version and the same or a newer minor one, and says nothing of the rest.
 */
export function tracingNote(): TracingNote {
  if (registeredTracer()) return { level: 'info', text: 'calls are traced: an OpenTelemetry provider is registered' };
  const unseen = registeredVersions();
  if (unseen.length === 0) return { level: 'debug', text: 'calls are not traced: no OpenTelemetry provider is registered' };
  return {
    level: 'warn',
    text: `calls are not traced: an OpenTelemetry provider is registered with @opentelemetry/api ${unseen.join(' and ')}, and this host sees those of version 1.4 or a newer 1.x only: bring an SDK that uses one`,
  };
}

/**
 * Has what is not exported yet sent, where the provider can do that; resolves when it is done. The API has no word for it, the SDKs do.
 * Rejects with what the provider says.
 */
export async function flushSpans(): Promise<void> {
  const provider: Provider = trace.getTracerProvider();
  const behind = provider.getDelegate?.() ?? provider;
  await behind.forceFlush?.();
}

/** What providers may have beside what the API promises. */
interface Provider {
  getTracer(name: string): Tracer;
  getDelegateTracer?(name: string): Tracer | undefined;
  getDelegate?(): Provider;
  forceFlush?(): Promise<void>;
}

const GLOBAL_KEY = /^opentelemetry\.js\.api\.\d+$/;

/** Every major version of the API keeps what is registered at a symbol of its own. */
function registeredVersions(): string[] {
  const globals = globalThis as unknown as Readonly<Record<symbol, { readonly version?: unknown; readonly trace?: unknown } | undefined>>;
  return Object.getOwnPropertySymbols(globalThis)
    .filter((symbol) => GLOBAL_KEY.test(Symbol.keyFor(symbol) ?? '') && globals[symbol]?.trace !== undefined)
    .map((symbol) => String(globals[symbol]?.version));
}
