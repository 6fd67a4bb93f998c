import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { MAX_UPLOAD_BYTES } from '../uploads.js';
import type { HttpContext } from './http-context.js';

/** `POST /v1/files`: the raw body is kept, its address goes into the input of an operation. */
export function addFileRoutes(app: FastifyInstance, { view, running }: HttpContext): void {
  // A scope of its own, because here every content type is taken, as a stream.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', async (_request: unknown, body: IncomingMessage) => body);
    scope.post<{ Body: IncomingMessage | null | undefined }>(
      '/v1/files',
      { config: { role: 'operator' }, bodyLimit: MAX_UPLOAD_BYTES },
      async (request, reply) => {
        // A reader that stops early (too large) must not take the connection with it: the answer still has to leave through it.
        const chunks = (request.body ?? request.raw).iterator({ destroyOnReturn: false });
        const saved = await running.run(reply, (signal) => view.uploads.save(chunks, signal));
        return reply.header('location', saved.url).send({ url: saved.url, bytes: saved.bytes });
      },
    );
  });
}
