import { InputError, TOPIC_CLASSES } from '@bellows/sdk';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HostView } from '../host-view.js';
import { nearestName } from '../operations/nearest-name.js';
import type { HttpContext } from './http-context.js';
import { queryError } from './query.js';

/** `/v1/events`: server-sent events, see `EventFeed` for what a slow or returning reader gets. */
export function addEventRoutes(app: FastifyInstance, { view, feed }: HttpContext): void {
  // A HEAD request would open a stream nobody reads.
  app.get<{ Querystring: { topics?: unknown } }>(
    '/v1/events',
    { exposeHeadRoute: false, config: { query: ['topics'] } },
    async (request, reply) => {
      const topics = topicsOf(request.query.topics, view);
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
      const stream = feed.open({ sink, topics, ...(afterId === undefined ? {} : { afterId }) });
      raw.on('drain', () => stream.resume());
      raw.on('close', () => stream.close());
      // A socket that breaks while written to also closes; the error has nothing to add.
      raw.on('error', () => stream.close());
    },
  );
}

function topicsOf(given: unknown, view: HostView): ReadonlySet<string> | 'all' {
  if (given === undefined) return 'all';
  const known = new Set([...Object.keys(TOPIC_CLASSES), ...view.bus.counters().map(({ topic }) => topic)]);
  const wanted = [given]
    .flat()
    .flatMap((text) => String(text).split(','))
    .map((topic) => topic.trim());
  // What a plugin has not published yet is known by nobody; that it is a plugin's own is seen by its name.
  const own = view.ready().plugins.map(({ id }) => `${id}.`);
  const unknown = wanted.find((topic) => !known.has(topic) && !own.some((start) => topic.startsWith(start)));
  if (unknown === undefined) return new Set(wanted);
  const near = nearestName(unknown, known);
  throw queryError({
    path: 'query.topics',
    message: `must be topics separated by commas, of: ${[...known].join(', ')}`,
    ...(near === undefined ? {} : { suggestion: near }),
  });
}

function lastEventIdOf(request: FastifyRequest): number | undefined {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return undefined;
  if (typeof given === 'string' && /^\d{1,16}$/.test(given) && Number.isSafeInteger(Number(given))) return Number(given);
  throw new InputError('HEADER_INVALID', 'The header last-event-id must be an id this host gave.', {
    phase: 'receive',
    details: [{ path: 'headers.last-event-id', message: 'must be an id this host gave' }],
  });
}
