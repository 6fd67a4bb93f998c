import { type ClientOptions, createClient } from '../../src/client/index.js';
import { seededRandom } from '../../src/random.js';
import { FakeClock } from '../../src/testing/index.js';

export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

type Answering = (asked: Asked) => Response | Promise<Response>;

/** A client whose `fetch` is answered by these, one after another; the last one answers all that follow. */
export function clientOf(answers: readonly Answering[], options: Partial<ClientOptions> = {}) {
  const clock = new FakeClock();
  const asked: Asked[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const request = {
      url,
      method: init.method ?? 'GET',
      headers: init.headers as Record<string, string>,
      body: init.body,
      signal: init.signal!,
    };
    asked.push(request);
    const answer = answers[Math.min(asked.length, answers.length) - 1]!;
    return answer(request);
  };
  const client = createClient({ url: 'http://host.test:7070', fetch, clock, random: seededRandom(1), ...options });
  return { client, asked, clock };
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json', ...headers } });
}

export function refusal(status: number, error: Readonly<Record<string, unknown>>, headers: Record<string, string> = {}): Response {
  return json({ error: { code: 'SAMPLE', message: 'Sample.', traceId: 'abc', ...error } }, status, headers);
}

/** As `fetch` fails when nobody listens. */
export function nobody(): never {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) });
}

export function eventStream(text: string, ends = true): Response {
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      if (ends) controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
}

export function frame(id: number, payload: unknown = null, topic = 'sample'): string {
  return `event: ${topic}\nid: ${id}\ndata: ${JSON.stringify({ topic, id, at: 1, source: 'host', version: 1, payload })}\n\n`;
}
