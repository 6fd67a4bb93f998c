import http from 'node:http';
import { until } from './until.js';

export interface StreamedEvent {
  readonly event: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: envelopes of any topic
  readonly data: any;
}

export interface EventStream extends Disposable {
  readonly events: readonly StreamedEvent[];
  /** The first event, seen already or still to come, that fits. */
  next(what: string, fits: (event: StreamedEvent) => boolean): Promise<StreamedEvent>;
}

/** Follows `GET /v1/events`; resolves when the host has answered, so nothing published afterwards is missed. */
export async function openEventStream(
  url: string,
  topics: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStream> {
  const events: StreamedEvent[] = [];
  const query = topics.length > 0 ? `?topics=${topics.join(',')}` : '';
  const outgoing = http.get(`${url}/v1/events${query}`, { headers: { accept: 'text/event-stream', ...headers }, agent: false });
  const incoming = await new Promise<http.IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve).on('error', reject);
  });
  if (incoming.statusCode !== 200) throw new Error(`The event stream answered ${incoming.statusCode}`);
  let rest = '';
  incoming.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) events.push(event);
    }
  });
  incoming.on('error', () => {});
  outgoing.on('error', () => {});
  return {
    events,
    next: (what, fits) => until(what, () => events.find(fits)),
    [Symbol.dispose]: () => outgoing.destroy(),
  };
}

function parseBlock(block: string): StreamedEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const match = /^(event|id|data): ?(.*)$/.exec(line);
    if (match) fields.set(match[1]!, match[2]!);
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { event: fields.get('event') ?? 'message', id: fields.get('id') ?? '', data: JSON.parse(data) };
}
