import { isKind, NotFoundError } from '@bellows/sdk';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HttpContext } from './http-context.js';
import type { PageFiles } from './page-files.js';

/**
 * Only files of this host are loaded and run, nothing is framed, and no text becomes markup or code. `style-src` has no `unsafe-inline`:
 * what scripts set on an element's `style` is not inline.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The names of assets change with what is in them. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/**
 * `/`: the page. `/?token=…`, as the start-up line prints it, turns the token into a cookie and leaves the address clean. `/assets/<name>`:
 * what the page consists of; the same for everybody, so anybody gets it, as somebody who has to be told the way in does.
 */
export function addPageRoutes(app: FastifyInstance, { sessions, safety }: HttpContext): void {
  let loaded: PageFiles | undefined;
  // kept only when it was read: a disk may answer the next time
  const files = async () => (loaded ??= new (await import('./page-files.js')).PageFiles());

  app.get<{ Querystring: { token?: unknown } }>('/', { config: { open: true, query: ['token'] } }, async (request, reply) => {
    const { token } = request.query;
    try {
      if (typeof token === 'string') {
        return reply.header('set-cookie', sessions.open(safety.callerOf(token))).redirect('/', 303);
      }
      safety.demand(request.caller, 'reader');
    } catch (error) {
      if (!isKind(error, 'unauthenticated') || !wantsPage(request)) throw error;
      // The page itself says how to get in; what it would show, the host still keeps.
      reply.code(401).header('www-authenticate', 'Bearer');
    }
    return sendPage(reply, (await files()).html);
  });

  app.get<{ Params: { name: string } }>('/assets/:name', { config: { open: true } }, async (request, reply) => {
    const { encodingFor } = await import('./page-files.js');
    const asset = (await files()).asset(request.params.name);
    if (asset === undefined) {
      throw new NotFoundError('ROUTE_UNKNOWN', 'The page has no such file: load it again, the host may be a newer one.', {
        phase: 'receive',
      });
    }
    const { encoding, body } = encodingFor(asset, request.headers['accept-encoding']);
    reply.type(asset.type).header('cache-control', FOR_EVER).header('vary', 'accept-encoding');
    if (encoding !== undefined) reply.header('content-encoding', encoding);
    return reply.send(body);
  });
}

function sendPage(reply: FastifyReply, html: string): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', PAGE_POLICY)
    .header('x-frame-options', 'DENY')
    .header('cross-origin-opener-policy', 'same-origin')
    .send(html);
}

/** A person with a browser, not a program. */
function wantsPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') ?? false;
}
