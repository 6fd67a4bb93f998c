import { CRITICALITIES, type OperationInfo } from '@bellows/sdk';
import { HOST_SCHEMAS, hostPaths, type Json, json } from './openapi-host-paths.js';

/**
 * The OpenAPI 3.1 document of a host: its fixed routes, and one path per operation with the operation's own schemas.
 * Pure: the same operations give the same document.
 */
export function openApiDocument(operations: readonly OperationInfo[], version: string): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Bellows host', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    // Where the host has no users a token is needed only to run commands; where it has, for everything but /health.
    security: [{}, { token: [] }],
    tags: [{ name: 'host' }, ...[...new Set(operations.map(({ plugin }) => plugin))].map((name) => ({ name }))],
    paths: {
      ...hostPaths(),
      ...Object.fromEntries(operations.map((info) => [`/v1/operations/${info.name}`, { post: operationOf(info) }])),
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: ERROR_SCHEMA, ...HOST_SCHEMAS },
      responses: { Error: { description: 'What happened, where, and what to do.', content: json({ $ref: '#/components/schemas/Error' }) } },
      parameters: PARAMETERS,
    },
  };
}

function operationOf(info: OperationInfo): Json {
  return {
    operationId: info.name,
    summary: info.summary,
    tags: [info.plugin],
    description: [
      `Least role where the host has roles: ${info.role}.`,
      `Effort for the limits of the caller: ${info.effort}.`,
      ...(info.runsCommands ? ['Runs commands on the machine of the host: needs a token.'] : []),
    ].join(' '),
    ...(info.runsCommands ? { security: [{ token: [] }] } : {}),
    parameters: Object.keys(PARAMETERS).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    requestBody: { required: true, content: json(embedded(info.input, pointerTo(info.name, 'requestBody'))) },
    responses: {
      200: { description: 'The output.', content: json(embedded(info.output, pointerTo(info.name, 'responses/200'))) },
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

function pointerTo(operation: string, place: string): string {
  return `#/paths/~1v1~1operations~1${operation}/post/${place}/content/application~1json/schema`;
}

/** A schema inside the document: references to its own root (recursive schemas) now go through the document's. */
function embedded(schema: Json, pointer: string): unknown {
  const move = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(move);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === '$ref' && typeof inner === 'string' && inner.startsWith('#') ? `${pointer}${inner.slice(1)}` : move(inner),
      ]),
    );
  };
  const { $schema: _dialect, ...rest } = schema;
  return move(rest);
}

const PARAMETERS: Json = {
  Tenant: {
    name: 'Bellows-Tenant',
    in: 'header',
    schema: { type: 'string' },
    description: 'Whose limits apply. Default: what the token is bound to.',
  },
  User: { name: 'Bellows-User', in: 'header', schema: { type: 'string' }, description: 'Whose limits apply inside of the tenant.' },
  Criticality: {
    name: 'Bellows-Criticality',
    in: 'header',
    schema: { enum: CRITICALITIES },
    description: 'What is refused first under load: bulk.',
  },
  DeadlineMs: {
    name: 'Bellows-Deadline-Ms',
    in: 'header',
    schema: { type: 'integer', minimum: 1 },
    description: 'How long the caller waits, ms. The earlier of this and `deadlineMs` in the body holds.',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    schema: { type: 'string' },
    description:
      'Names this piece of work: a repeated call with the key answers what the first one answered; with another input it is refused (409).',
  },
  TraceParent: {
    name: 'traceparent',
    in: 'header',
    schema: { type: 'string' },
    description: 'W3C Trace Context: the trace that answers and the log name; a new one when absent.',
  },
};

const ERROR_SCHEMA: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'traceId'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        plugin: { type: 'string' },
        phase: { type: 'string' },
        details: {
          type: 'array',
          items: {
            type: 'object',
            required: ['path', 'message'],
            properties: { path: { type: 'string' }, message: { type: 'string' }, suggestion: { type: 'string' } },
          },
        },
        retryAfterMs: { type: 'number' },
        data: { type: 'object' },
        traceId: { type: 'string' },
      },
    },
  },
};
