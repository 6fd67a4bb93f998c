import type { PluginStatus } from '@bellows/sdk';
import type { FastifyInstance } from 'fastify';
import type { HttpContext } from './http-context.js';
import { retryAfter } from './retry-after.js';

/** `/health`, `/ready`, `/metrics`: for supervisors and scrapers. `/health` answers anybody and tells nothing. */
export function addHealthRoutes(app: FastifyInstance, { view, metricsText }: HttpContext): void {
  app.get('/health', { config: { open: true, anyQuery: true } }, async () => ({ status: 'ok' }));

  app.get('/ready', { config: { anyQuery: true } }, async (_request, reply) => {
    const { plugins, ...report } = view.ready();
    const { ready } = report;
    reply.code(ready ? 200 : 503);
    if (!ready) reply.header('retry-after', retryAfter(undefined));
    return { ...report, plugins: plugins.map(readyLine) };
  });

  app.get('/metrics', { config: { anyQuery: true } }, async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return metricsText();
  });
}

function readyLine({ version: _version, ...line }: PluginStatus) {
  return line;
}
