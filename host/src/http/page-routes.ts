import type { FastifyInstance } from 'fastify';
import type { HttpContext } from './http-context.js';

/** How many decisions the page shows. */
const SHOWN_DECISIONS = 20;

/** `/`: the page. `/?token=…`, as the start-up line prints it, turns the token into a cookie and leaves the address clean. */
export function addPageRoutes(app: FastifyInstance, { view, sessions, safety }: HttpContext): void {
  app.get<{ Querystring: { token?: unknown } }>('/', { config: { open: true, query: ['token'] } }, async (request, reply) => {
    const { token } = request.query;
    if (typeof token === 'string') {
      return reply.header('set-cookie', sessions.open(safety.callerOf(token))).redirect('/', 303);
    }
    safety.demand(request.caller, 'reader');
    const { PAGE_POLICY, renderPage } = await import('./page.js');
    reply.type('text/html; charset=utf-8').header('content-security-policy', PAGE_POLICY).header('x-frame-options', 'DENY');
    return renderPage({ status: view.status(), decisions: view.decisions({ limit: SHOWN_DECISIONS }), operations: view.operations.list() });
  });
}
