import {
  ConfigError,
  type IClock,
  type ILogger,
  InvariantError,
  type IRandom,
  messageOf,
  NotReadyError,
  systemClock,
  systemRandom,
} from '@bellows/sdk';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { HostView } from '../host-view.js';
import type { OperationRegistry } from '../operations/operation-registry.js';
import type { HostControl } from '../reload/reloader.js';
import { BodyBudget } from './body-budget.js';
import { traceIdOf } from './call-headers.js';
import { addChangeRoutes } from './change-routes.js';
import { answerUnreadable } from './client-error.js';
import { answerError, noRouteError } from './error-answer.js';
import { EventFeed } from './event-feed.js';
import { addEventRoutes } from './event-routes.js';
import { addFileRoutes } from './file-routes.js';
import { addHealthRoutes } from './health-routes.js';
import type { HttpContext } from './http-context.js';
import { MAX_JSON_BYTES, parseJson } from './json-body.js';
import { isLoopback, LocalSafety, reachableAt } from './local-safety.js';
import { metricsTextFor } from './metrics-text.js';
import { addOperationRoutes } from './operation-routes.js';
import { addPageRoutes } from './page-routes.js';
import { PageSessions } from './page-sessions.js';
import { demandKnownQuery } from './query.js';
import { RunningRequests } from './running-requests.js';
import { addStatusRoutes } from './status-routes.js';
import type { TokenUsers } from './token-table.js';

export interface HttpServerOptions {
  readonly view: HostView;
  readonly control: HostControl;
  readonly registry: OperationRegistry;
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The host's own token; the bearer may do everything. */
  readonly token: string;
  readonly users: TokenUsers | null;
  readonly logger: ILogger;
  /** The body of `/metrics`. Default: what `metricsTextFor` reads from view and registry. */
  readonly metricsText?: () => Promise<string>;
  readonly clock?: IClock;
  readonly random?: IRandom;
  /** Of the bodies of operations. */
  readonly bodies?: BodyBudget;
  /** How long `close` waits for running requests. Default 5 s. */
  readonly closeTimeoutMs?: number;
}

export interface HttpServer {
  /** With an address that this machine can open, also when listening on all. */
  readonly url: string;
  readonly port: number;
  /** Refuses new requests, ends event streams, lets running requests end for a bounded time, then ends them. Twice is fine. */
  close(): Promise<void>;
}

const ROUTES = [addHealthRoutes, addStatusRoutes, addOperationRoutes, addChangeRoutes, addEventRoutes, addFileRoutes, addPageRoutes];

/** Enough to write an answer after the work behind it was ended; whoever has not read it by then does not want it. */
const LAST_WORD_MS = 250;

/** A request must have arrived by then: a large file over a slow line does, a body that is held back to tie up the host does not. */
const RECEIVE_TIMEOUT_MS = 300_000;

/**
 * Listens when it resolves. `ConfigError` when it cannot: `PORT_IN_USE`, `ADDRESS_UNUSABLE`, or
 * `TOKENS_NEEDED` for an address others can reach without users who may.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { view, control, registry, address, port, token, users, logger } = options;
  const {
    clock = systemClock,
    random = systemRandom,
    bodies = new BodyBudget(),
    closeTimeoutMs = 5_000,
    metricsText = metricsTextFor(view, registry.metrics),
  } = options;
  demandTokensBeyondLoopback(address, users);
  const sessions = new PageSessions();
  const safety = new LocalSafety({ address, token, users, sessions });
  const running = new RunningRequests();
  let closing = false;
  const app = newApp({ logger, hide: view.hide, random, clock, isClosing: () => closing });
  const feed = new EventFeed({ bus: view.bus, clock });
  const context: HttpContext = { view, control, registry, feed, sessions, safety, running, bodies, clock, random, logger, metricsText };
  guard(app, context, () => closing);
  for (const add of ROUTES) add(app, context);
  await listen(app, address, port).catch((error: unknown) => {
    feed.close();
    throw error;
  });
  const { port: bound } = app.server.address() as { port: number };
  sessions.setPort(bound);
  let closed: Promise<void> | undefined;
  const close = async () => {
    closing = true;
    feed.close();
    const cancel = clock.setTimer(closeTimeoutMs, () => {
      running.abortAll(stoppingError());
      clock.setTimer(LAST_WORD_MS, () => app.server.closeAllConnections());
    });
    await app.close();
    cancel();
  };
  return { url: reachableAt(address, bound), port: bound, close: () => (closed ??= close()) };
}

interface AppOptions {
  readonly logger: ILogger;
  readonly hide: HostView['hide'];
  readonly random: IRandom;
  readonly clock: IClock;
  readonly isClosing: () => boolean;
}

function newApp({ logger, hide, random, clock, isClosing }: AppOptions): FastifyInstance {
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: MAX_JSON_BYTES,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    routerOptions: { maxParamLength: 500 },
    schemaController: { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } },
    // A missing Host header is answered by us, in our shape.
    http: { requireHostHeader: false },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, request, reply) => {
      request.traceId = traceIdOf(request.headers.traceparent, random);
      answerError(error, request, { reply, logger });
    },
  });
  // What a client expects that HTTP does not know is ignored, as it may be; Node would answer 417 without a body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.decorateRequest('traceId', '');
  app.decorateRequest('caller');
  app.setErrorHandler((error, request, reply) => answerError(error, request, { reply, logger, hide, clock }));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, async (request: FastifyRequest, text: string) =>
    request.routeOptions.config.bodyOptional && text.trim() === '' ? {} : parseJson(text),
  );
  const routes: { readonly method: string; readonly path: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    const path = new RegExp(`^${url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`);
    for (const name of [method].flat()) routes.push({ method: name, path });
  });
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    const allow = [...new Set(routes.filter((route) => route.path.test(path)).map(({ method }) => method))];
    if (allow.length > 0) reply.header('allow', allow.join(', '));
    answerError(noRouteError(request, allow), request, { reply, logger });
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    if (isClosing()) reply.header('connection', 'close');
  });
  return app;
}

/** What an operation takes is checked by its own schema; the compilers of Fastify are left out of the bundle, so that no start loads them. */
function refuseSchema(): never {
  throw new InvariantError('BUG', 'A route has a schema of Fastify, which this host cannot compile.');
}

/** Before anything of a request is looked at or its body read: where it comes from, who asks, and whether they may. */
function guard(app: FastifyInstance, { safety, random }: HttpContext, isClosing: () => boolean): void {
  app.addHook('onRequest', async (request) => {
    request.traceId = traceIdOf(request.headers.traceparent, random);
    if (isClosing()) throw stoppingError();
    safety.checkSource(request);
    request.caller = safety.identify(request);
    const { open = false, role = 'reader' } = request.routeOptions.config;
    if (!open) safety.demand(request.caller, role);
    demandKnownQuery(request);
  });
}

async function listen(app: FastifyInstance, address: string, port: number): Promise<void> {
  try {
    await app.listen({ host: address, port });
  } catch (error) {
    const { code = '' } = error as { code?: string };
    const where = `${address}:${port}`;
    if (code === 'EADDRINUSE') {
      throw configError(
        'PORT_IN_USE',
        `Another process listens on ${where}: "bellows doctor" says which one. Choose another port with --port, BELLOWS_PORT or host.port; 0 takes a free one.`,
        { path: 'host.port', cause: error },
      );
    }
    if (code === 'EACCES') {
      throw configError('ADDRESS_UNUSABLE', `The system does not allow listening on ${where}: choose a port above 1023.`, {
        path: 'host.port',
        cause: error,
      });
    }
    throw configError('ADDRESS_UNUSABLE', `Cannot listen on ${where}: ${messageOf(error)}.`, { path: 'host.address', cause: error });
  }
}

function demandTokensBeyondLoopback(address: string, users: TokenUsers | null): void {
  if (users !== null || isLoopback(address)) return;
  const message = `Listening on ${address} lets other machines in: set host.tokensFile, or listen on 127.0.0.1.`;
  throw configError('TOKENS_NEEDED', message, { path: 'host.tokensFile' });
}

function configError(code: string, message: string, { path, cause }: { readonly path: string; readonly cause?: unknown }): ConfigError {
  return new ConfigError(code, message, { phase: 'listen', details: [{ path, message }], cause });
}

function stoppingError(): NotReadyError {
  return new NotReadyError('HOST_STOPPING', 'The host is stopping.', { phase: 'stop', retryAfterMs: 1_000 });
}
