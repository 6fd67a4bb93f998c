import { InputError, type PluginStatus, z } from '@bellows/sdk';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { schemaProblems } from '../operations/schema-problems.js';
import { type ReloadPreview, type ReloadReport, reloadError } from '../reload/reload-report.js';
import type { HttpContext } from './http-context.js';
import { demandJson } from './json-body.js';

const reloadBody = z.strictObject({ dryRun: z.boolean().default(false) });
const noBody = z.strictObject({});

/**
 * `POST /v1/reload` and `POST /v1/plugins/<id>/restart`: for admins, and only with a token, because what they start runs code of this
 * machine. A change that was begun goes on when the client leaves.
 */
export function addChangeRoutes(app: FastifyInstance, { control, safety, view }: HttpContext): void {
  const onRequest = async (request: FastifyRequest) => {
    safety.demand(request.caller, 'admin', true);
    if (!hasNoBody(request)) demandJson(request);
  };
  const config = { bodyOptional: true };

  app.post('/v1/reload', { onRequest, config }, async ({ body }): Promise<ReloadReport | ReloadPreview> => {
    if (valid(reloadBody, body ?? {}).dryRun) return control.preview();
    const report = await control.reload('request');
    const error = reloadError(report, view.status().configFile ?? 'the configuration');
    if (error !== undefined) throw error;
    return report;
  });

  app.post<{ Params: { id: string } }>(
    '/v1/plugins/:id/restart',
    { onRequest, config },
    async ({ params, body }): Promise<PluginStatus> => {
      valid(noBody, body ?? {});
      return control.restart(params.id);
    },
  );
}

/** What no page of another site can send, since it cannot send the token: nothing more is asked of such a request. */
function hasNoBody({ headers }: FastifyRequest): boolean {
  const { authorization, 'content-length': length = '0', 'content-type': type, 'transfer-encoding': encoding } = headers;
  return authorization !== undefined && type === undefined && encoding === undefined && Number(length) === 0;
}

function valid<T>(schema: z.ZodType<T>, body: unknown): T {
  const checked = schema.safeParse(body);
  if (checked.success) return checked.data;
  const details = schemaProblems(checked.error, schema, { input: body, showValues: true });
  const text = details.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  throw new InputError('INPUT_INVALID', `The body is not valid: ${text}.`, { phase: 'receive', details });
}
