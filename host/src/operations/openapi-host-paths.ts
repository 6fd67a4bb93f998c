import { EFFORTS, PLUGIN_STATES } from '@bellows/sdk';

export type Json = Readonly<Record<string, unknown>>;

/** The routes every host has, as path items of an OpenAPI document that holds `HOST_SCHEMAS`. */
export function hostPaths(): Json {
  return {
    '/': get('page', 'The page of the host, for people.', { content: { 'text/html': { schema: TEXT } } }),
    '/health': get('health', 'Answers anybody as soon as the host listens.', {
      content: json(object({ status: { const: 'ok' } })),
      security: [],
    }),
    '/ready': get('ready', 'Whether every required plugin is active or degraded.', {
      content: json(READY),
      more: { 503: { description: 'Not ready yet, or stopping.', content: json({ anyOf: [READY, reference('Error')] }) } },
    }),
    '/metrics': get('metrics', 'Figures in the text format of Prometheus.', { content: { 'text/plain': { schema: TEXT } } }),
    '/openapi.json': get('openapi', 'This document.', { content: json({ type: 'object' }) }),
    '/v1/status': get('status', 'The host, its plugins and subsystems.', {
      content: json(
        object(
          {
            version: TEXT,
            ready: { type: 'boolean' },
            configRevision: { type: 'integer' },
            plugins: list('Plugin'),
            subsystems: list('Subsystem'),
          },
          { lastReload: reference('Reload'), ...TOKENS_REFUSED },
        ),
      ),
    }),
    '/v1/plugins': get('plugins', 'The plugins and their states.', { content: json(object({ plugins: list('Plugin') })) }),
    '/v1/operations': get('operations', 'The operations with their schemas.', { content: json(object({ operations: list('Operation') })) }),
    '/v1/plugins/{id}/restart': post('restartPlugin', 'Stops a plugin, and what needs it, and starts them again as they are.', {
      parameters: [parameter('path', { name: 'id', description: 'The plugin.', schema: TEXT })],
      input: { type: 'object', additionalProperties: false },
      output: reference('Plugin'),
    }),
    '/v1/reload': post('reload', 'Reads the configuration anew and takes it over, whole or not at all.', {
      input: {
        type: 'object',
        properties: { dryRun: { type: 'boolean', default: false, description: 'Only say what would be done.' } },
        additionalProperties: false,
      },
      output: { anyOf: [reference('Reload'), reference('ReloadPreview')] },
    }),
    '/v1/decisions': get('decisions', 'Decisions of the governor, newest first.', {
      content: json(object({ decisions: list('Decision') })),
      parameters: [
        parameter('query', { name: 'subsystem', description: 'Only of this subsystem.', schema: TEXT }),
        parameter('query', {
          name: 'limit',
          description: 'How many.',
          schema: { type: 'integer', minimum: 1, maximum: 10_000, default: 100 },
        }),
      ],
    }),
    '/v1/events': get('events', 'Events as they are published: server-sent events, each with its topic, its id and its envelope.', {
      content: { 'text/event-stream': { schema: TEXT } },
      parameters: [
        parameter('query', { name: 'topics', description: 'Separated by commas; all when absent.', schema: TEXT }),
        parameter('header', { name: 'Last-Event-ID', description: 'Goes on after this event.', schema: { type: 'integer', minimum: 0 } }),
      ],
    }),
    '/v1/files': {
      post: {
        operationId: 'host.files',
        summary: 'Keeps a file for an operation that takes its address.',
        tags: ['host'],
        description: 'Least role where the host has roles: operator.',
        requestBody: { required: true, content: { '*/*': {} } },
        responses: {
          200: { description: 'Kept.', content: json(object({ url: TEXT, bytes: { type: 'integer' } })) },
          default: ERROR,
        },
      },
    },
  };
}

export function json(schema: unknown): Json {
  return { 'application/json': { schema } };
}

const TEXT: Json = { type: 'string' };
const NUMBER: Json = { type: 'number' };
const NUMBERS: Json = { type: 'object', additionalProperties: NUMBER };
const TIME: Json = { type: 'number', description: 'ms since 1970' };
const ERROR: Json = { $ref: '#/components/responses/Error' };

/** An object that has these; answers may gain more with a newer host. */
function object(properties: Json, optional: Json = {}): Json {
  return { type: 'object', required: Object.keys(properties), properties: { ...properties, ...optional } };
}

function reference(schema: string): Json {
  return { $ref: `#/components/schemas/${schema}` };
}

function list(schema: string): Json {
  return { type: 'array', items: reference(schema) };
}

const PLUGIN = { id: TEXT, state: { enum: PLUGIN_STATES }, reason: TEXT, message: TEXT, since: TIME, configRevision: { type: 'integer' } };
const ORIGIN = { enum: ['operator', 'subsystem', 'host'] };
const LAST_ATTEMPT = { lastAttempt: object({ at: TIME, code: TEXT, message: TEXT }) };
const TOKENS_REFUSED = { tokensRefused: object({ at: TIME, message: TEXT }) };
const READY = object({ ready: { type: 'boolean' }, plugins: { type: 'array', items: object(PLUGIN, LAST_ATTEMPT) } }, TOKENS_REFUSED);

const TEXTS: Json = { type: 'array', items: TEXT };
const ACTION: Json = { enum: ['keep', 'live', 'restart', 'upgrade', 'add', 'remove'] };
const CHANGES: Json = {
  type: 'array',
  items: object({ path: TEXT, effect: { enum: ['live', 'plugin-restart', 'host-restart', 'add', 'remove'] } }, { from: {}, to: {} }),
};
const PROBLEMS: Json = { type: 'array', items: object({ path: TEXT, message: TEXT }, { suggestion: TEXT }) };

/** What several answers hold, under `components.schemas`. */
export const HOST_SCHEMAS: Json = {
  Plugin: object({ ...PLUGIN, version: TEXT }, LAST_ATTEMPT),
  Subsystem: object({
    name: TEXT,
    plugin: TEXT,
    limits: NUMBERS,
    ceiling: NUMBER,
    policy: object({
      weight: NUMBER,
      floor: NUMBER,
      ceiling: { type: ['number', 'null'] },
      costCores: NUMBER,
      criticality: TEXT,
      origins: object({ weight: ORIGIN, floor: ORIGIN, costCores: ORIGIN }),
    }),
    binding: object({ limitedBy: TEXT, reason: TEXT }),
    backpressure: TEXT,
    metrics: NUMBERS,
  }),
  Decision: object(
    {
      id: TEXT,
      subsystem: TEXT,
      from: NUMBER,
      to: NUMBER,
      reason: TEXT,
      limitedBy: TEXT,
      at: TIME,
      outcome: { enum: ['applied', 'refused', 'none'] },
      inputs: NUMBERS,
    },
    { error: TEXT },
  ),
  Reload: object(
    {
      at: TIME,
      durationMs: NUMBER,
      trigger: { enum: ['request', 'signal', 'file'] },
      outcome: { enum: ['applied', 'unchanged', 'invalid', 'refused', 'failed'] },
      revision: { type: 'integer' },
      message: TEXT,
      plugins: {
        type: 'array',
        items: object(
          { plugin: TEXT, action: ACTION, outcome: { enum: ['unchanged', 'applied', 'refused', 'failed', 'rolled-back'] } },
          { code: TEXT, message: TEXT },
        ),
      },
      needsHostRestart: TEXTS,
      problems: PROBLEMS,
    },
    { code: TEXT, changes: CHANGES },
  ),
  ReloadPreview: object({
    problems: PROBLEMS,
    changes: CHANGES,
    steps: { type: 'array', items: object({ id: TEXT, action: ACTION, changed: TEXTS, why: TEXT }) },
    needsHostRestart: TEXTS,
  }),
  Operation: object({
    name: TEXT,
    plugin: TEXT,
    summary: TEXT,
    role: TEXT,
    runsCommands: { type: 'boolean' },
    effort: { enum: EFFORTS },
    input: { type: 'object' },
    output: { type: 'object' },
  }),
};

interface Answer {
  readonly content: Json;
  readonly parameters?: readonly Json[];
  readonly security?: readonly Json[];
  /** Answers beside 200 and errors. */
  readonly more?: Json;
}

function get(id: string, summary: string, { content, parameters, security, more = {} }: Answer): Json {
  return {
    get: {
      operationId: `host.${id}`,
      summary,
      tags: ['host'],
      ...(security === undefined ? {} : { security }),
      ...(parameters === undefined ? {} : { parameters }),
      responses: { 200: { description: summary, content }, ...more, default: ERROR },
    },
  };
}

interface Change {
  readonly parameters?: readonly Json[];
  readonly input: Json;
  readonly output: Json;
}

/** What changes the host: for admins, with a token. */
function post(id: string, summary: string, { parameters, input, output }: Change): Json {
  return {
    post: {
      operationId: `host.${id}`,
      summary,
      tags: ['host'],
      description: 'Needs a token; least role where the host has roles: admin.',
      security: [{ token: [] }],
      ...(parameters === undefined ? {} : { parameters }),
      requestBody: { required: true, content: json(input) },
      responses: { 200: { description: summary, content: json(output) }, default: ERROR },
    },
  };
}

function parameter(
  place: 'query' | 'header' | 'path',
  named: { readonly name: string; readonly description: string; readonly schema: Json },
): Json {
  return { in: place, ...named, ...(place === 'path' ? { required: true } : {}) };
}
