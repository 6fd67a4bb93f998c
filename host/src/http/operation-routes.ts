import type { Readable } from 'node:stream';
import { PluginError } from '@bellows/sdk';
import type { FastifyInstance } from 'fastify';
import { callOptionsOf, withBodyDeadline } from './call-headers.js';
import type { HttpContext } from './http-context.js';
import { demandJson } from './json-body.js';

/** `/v1/operations`, `POST /v1/operations/<name>` and the document that describes them. */
export function addOperationRoutes(app: FastifyInstance, context: HttpContext): void {
  const { view, registry, safety, running, bodies } = context;

  app.get('/openapi.json', async () => {
    // Only read by people and generators: not loaded before somebody asks.
    const { openApiDocument } = await import('../operations/openapi.js');
    return openApiDocument(registry.list(), view.version);
  });

  app.get('/v1/operations', async () => ({ operations: registry.list() }));

  app.post<{ Params: { name: string } }>(
    '/v1/operations/:name',
    {
      // Rights and type are checked before 64 MiB are read for nothing; an unknown name is left to the registry.
      onRequest: async (request) => {
        const { role, runsCommands } = registry.rulesOf(request.params.name) ?? { role: 'operator', runsCommands: false };
        safety.demand(request.caller, role, runsCommands);
        demandJson(request);
      },
      preParsing: async (request, reply, body) =>
        bodies.count(body as Readable, { announced: request.headers['content-length'], response: reply.raw }),
    },
    async (request, reply) => {
      const { name } = request.params;
      const options = withBodyDeadline(callOptionsOf(request), request.body);
      const onTrace = (traceId: string) => {
        request.traceId = traceId;
      };
      const output = await running.run(reply, (signal) => registry.call(name, request.body, { ...options, signal, onTrace }));
      reply.type('application/json; charset=utf-8');
      return reply.send(jsonOf(name, output));
    },
  );
}

function jsonOf(operation: string, output: unknown): string {
  try {
    return JSON.stringify(output ?? null);
  } catch (cause) {
    throw new PluginError('OUTPUT_INVALID', `${operation} answered with something JSON cannot hold; tell the author of the plugin.`, {
      phase: 'call',
      cause,
    });
  }
}
