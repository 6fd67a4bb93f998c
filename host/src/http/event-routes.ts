import { InputError, isTopicName, TOPIC_CLASSES } from '@bellows/sdk';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HostView } from '../host-view.js';
import type { HttpContext } from './http-context.js';
import { queryError } from './query.js';

/** `/v1/events`: server-sent events, see `EventFeed` for what a slow or returning reader gets. */
export function addEventRoutes(app: FastifyInstance, { view, feed }: HttpContext): void {
  // A HEAD request would open a stream nobody reads.
  app.get<{ Querystring: { topics?: unknown } }>(
    '/v1/events',
    { exposeHeadRoute: false, config: { query: ['topics'] } },
    async (request, reply) => {
      const topics = topicsOf(request.query.topics);
      const afterId = lastEventIdOf(request);
      feed.demandRoom();
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        // Proxies that collect answers would hold events back.
        'x-accel-buffering': 'no',
      });
      const sink = { write: (chunk: string) => raw.write(chunk), end: () => raw.end() };
      const note = unseenNote(topics, view);
      const stream = feed.open({
        sink,
        topics,
        ...(afterId === undefined ? {} : { afterId }),
        ...(note === undefined ? {} : { note }),
      });
      raw.on('drain', () => stream.resume());
      raw.on('close', () => stream.close());
      // A socket that breaks while written to also closes; the error has nothing to add.
      raw.on('error', () => stream.close());
    },
  );
}

/**
 * Any name that a topic can have: plugins publish what they like, some of it for the first time after somebody began to listen, and again
 * after a restart of the host.
 */
function topicsOf(given: unknown): ReadonlySet<string> | 'all' {
  if (given === undefined) return 'all';
  const wanted = [given]
    .flat()
    .flatMap((text) => String(text).split(','))
    .map((topic) => topic.trim());
  if (wanted.length <= MAX_TOPICS && wanted.every(isTopicName)) return new Set(wanted);
  throw queryError({ path: 'query.topics', message: `must be at most ${MAX_TOPICS} names of topics, separated by commas` });
}

/** For people who misspelt a topic: what they asked for and has not come since the host started. */
function unseenNote(topics: ReadonlySet<string> | 'all', view: HostView): string | undefined {
  if (topics === 'all') return undefined;
  const seen = [...Object.keys(TOPIC_CLASSES), ...view.bus.counters().map(({ topic }) => topic)];
  const unseen = [...topics].filter((topic) => !seen.includes(topic));
  if (unseen.length === 0) return undefined;
  return `nobody has published ${unseen.join(', ')} so far; topics there are: ${seen.slice(0, MAX_TOPICS).join(', ')}`;
}

/** As many as somebody follows by name, and few enough to be looked up for each event. */
const MAX_TOPICS = 100;

function lastEventIdOf(request: FastifyRequest): number | undefined {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return undefined;
  if (typeof given === 'string' && /^\d{1,16}$/.test(given) && Number.isSafeInteger(Number(given))) return Number(given);
  throw new InputError('HEADER_INVALID', 'The header last-event-id must be an id this host gave.', {
    phase: 'receive',
    details: [{ path: 'headers.last-event-id', message: 'must be an id this host gave' }],
  });
}
