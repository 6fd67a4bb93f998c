import { NotFoundError, nearestName } from '@bellows/sdk';
import type { FastifyInstance } from 'fastify';
import type { HostView } from '../host-view.js';
import type { HttpContext } from './http-context.js';
import { queryError } from './query.js';

/** What the host's ring of decisions holds. */
const MAX_DECISIONS = 10_000;
const DEFAULT_DECISIONS = 100;

/** `/v1/status`, `/v1/plugins`, `/v1/decisions`. */
export function addStatusRoutes(app: FastifyInstance, { view }: HttpContext): void {
  app.get('/v1/status', async () => view.status());

  app.get('/v1/plugins', async () => ({ plugins: view.ready().plugins }));

  app.get<{ Querystring: { subsystem?: unknown; limit?: unknown } }>(
    '/v1/decisions',
    { config: { query: ['subsystem', 'limit'] } },
    async ({ query }) => {
      const limit = limitOf(query.limit);
      if (query.subsystem === undefined) return { decisions: view.decisions({ limit }) };
      if (typeof query.subsystem !== 'string') throw queryError({ path: 'query.subsystem', message: 'must be given once' });
      const decisions = view.decisions({ subsystem: query.subsystem, limit });
      if (decisions.length === 0) demandSubsystem(view, query.subsystem);
      return { decisions };
    },
  );
}

function limitOf(given: unknown): number {
  if (given === undefined) return DEFAULT_DECISIONS;
  const limit = typeof given === 'string' && /^\d{1,6}$/.test(given) ? Number(given) : Number.NaN;
  if (limit >= 1 && limit <= MAX_DECISIONS) return limit;
  throw queryError({ path: 'query.limit', message: `must be a whole number from 1 to ${MAX_DECISIONS}` });
}

function demandSubsystem(view: HostView, name: string): void {
  const known = view.status().subsystems.map((subsystem) => subsystem.name);
  if (known.includes(name)) return;
  const near = nearestName(name, known);
  throw new NotFoundError('SUBSYSTEM_UNKNOWN', `There is no such subsystem; there are: ${known.join(', ') || 'none'}.`, {
    phase: 'receive',
    details: [{ path: 'query.subsystem', message: 'unknown name', ...(near === undefined ? {} : { suggestion: near }) }],
  });
}
