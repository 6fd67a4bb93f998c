import { get, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { type OperationDefinition, type ScalingDecision, seededRandom, silentLogger, systemClock, z } from '@bellows/sdk';
import { RecordingBus } from '@bellows/sdk/testing';
import type { PolicyInForce } from '../../src/governor/subsystem-policy.js';
import type { HostStatus, HostView, UploadStore } from '../../src/host-view.js';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/http/http-server.js';
import { TokensState } from '../../src/http/tokens-state.js';
import { OperationRegistry, type OperationRegistryOptions } from '../../src/operations/operation-registry.js';

export const TOKEN = 'the-token-of-the-host';

export const METRICS = {
  demand: 5,
  inUse: 4,
  'queue.depth': 1,
  'queue.oldestMs': 3,
  'wait.p95Ms': 2,
  'rejected.total': 0,
  'completed.total': 100,
  'failed.total': 1,
  memoryBytes: 1_000,
  'cache.size': 2,
  'cache.hitRate': 0.5,
  'cache.memoryBytes': 10,
  'cache.hits.total': 30,
  'cache.misses.total': 30,
  'backpressure.state': 1,
  'backpressure.queueDepth': 1,
} as const;

export const DECISION: ScalingDecision = {
  id: 'd1',
  subsystem: 'demo.pool',
  from: 4,
  to: 8,
  reason: 'wanted <8>',
  limitedBy: 'ceiling',
  at: 1_700_000_000_000,
  outcome: 'applied',
  inputs: {},
};

export const MACHINE = {
  at: 0,
  cores: 4,
  cpuRatio: 0.25,
  memoryTotalBytes: 8,
  memoryUsedBytes: 4,
  memoryRatio: 0.5,
  eventLoopDelayP99Ms: 12,
  eventLoopUtilization: 0.1,
  heapUsedBytes: 1,
  rssBytes: 2,
} as const;

export const POLICY: PolicyInForce = {
  weight: 2,
  floor: 1,
  ceiling: null,
  costCores: 0.25,
  criticality: 'degraded',
  origins: { weight: 'operator', floor: 'host', costCores: 'subsystem' },
};

export interface LoopbackHost {
  readonly server: HttpServer;
  readonly registry: OperationRegistry;
  readonly bus: RecordingBus;
  readonly view: HostView;
  /** What `demo.slow` was called with and has not answered yet. */
  readonly slow: { readonly signal: AbortSignal; readonly release: () => void }[];
  close(): Promise<void>;
}

interface LoopbackOptions extends Partial<HttpServerOptions> {
  readonly operations?: Partial<OperationRegistryOptions>;
  readonly uploads?: UploadStore;
  readonly ready?: () => boolean;
}

const noUploads: UploadStore = {
  read: () => Promise.reject(new Error('there are no uploads in this test')),
  save: () => Promise.reject(new Error('there are no uploads in this test')),
};

/** The real server on a free loopback port, with a few operations of a plugin `demo` and one subsystem. */
export async function startLoopbackHost(options: LoopbackOptions = {}): Promise<LoopbackHost> {
  const bus = new RecordingBus();
  const registry = new OperationRegistry({ clock: systemClock, logger: silentLogger, random: seededRandom(1), ...options.operations });
  const slow: LoopbackHost['slow'] = [];
  const operations = registry.forPlugin('demo', new AbortController().signal);
  const provide = <I, O>(definition: Omit<OperationDefinition<I, O>, 'summary'>) =>
    operations.provide({ summary: `does ${definition.name}`, ...definition });
  provide({ name: 'demo.echo', input: z.unknown(), output: z.unknown(), role: 'reader', handler: async (input) => input });
  provide({
    name: 'demo.add',
    input: z.strictObject({ first: z.number(), second: z.number() }),
    output: z.number(),
    handler: async ({ first, second }) => first + second,
  });
  provide({
    name: 'demo.call',
    input: z.unknown(),
    output: z.unknown(),
    handler: async (_input, { tenant, user, criticality, idempotencyKey, traceId }) => ({
      tenant,
      user,
      criticality,
      idempotencyKey,
      traceId,
    }),
  });
  provide({ name: 'demo.throw', input: z.unknown(), output: z.unknown(), handler: async () => Promise.reject(new Error('secret detail')) });
  provide({ name: 'demo.bigint', input: z.unknown(), output: z.unknown(), handler: async () => ({ value: 1n }) });
  provide({ name: 'demo.commands', input: z.unknown(), output: z.unknown(), runsCommands: true, handler: async () => 'ran' });
  provide({
    name: 'demo.slow',
    input: z.unknown(),
    output: z.unknown(),
    handler: (_input, { signal }) => new Promise((resolve) => slow.push({ signal, release: () => resolve('done') })),
  });
  const view = viewOf({ bus, registry, uploads: options.uploads ?? noUploads, ready: options.ready ?? (() => true) });
  const server = await startHttpServer({
    control: NO_CHANGES,
    view,
    registry,
    address: '127.0.0.1',
    port: 0,
    token: TOKEN,
    users: null,
    logger: silentLogger,
    ...options,
  });
  return {
    server,
    registry,
    bus,
    view,
    slow,
    async close() {
      await server.close();
      bus.close();
    },
  };
}

/** A host that cannot be changed. */
export const NO_CHANGES: HttpServerOptions['control'] = {
  reload: () => Promise.reject(new Error('nothing to reload')),
  preview: () => Promise.reject(new Error('nothing to preview')),
  restart: () => Promise.reject(new Error('nothing to restart')),
};

function viewOf(parts: { bus: RecordingBus; registry: OperationRegistry; uploads: UploadStore; ready: () => boolean }): HostView {
  const { bus, registry, uploads } = parts;
  const machine = { latest: MACHINE };
  const ready = () => ({
    ready: parts.ready(),
    plugins: [
      {
        id: 'demo',
        version: '1.0.0',
        state: 'active' as const,
        reason: 'ACTIVE',
        message: '',
        since: 1_700_000_000_000,
        configRevision: 1,
      },
      {
        id: 'odd',
        version: '1.0.0',
        state: 'failed' as const,
        reason: 'PLUGIN_THREW',
        message: '<script>alert(1)</script>',
        since: 1_700_000_000_000,
        configRevision: 1,
      },
    ],
  });
  const limits = { maxCacheEntries: 10, maxMemoryBytes: 1_000, maxConcurrentOperations: 8, maxQueueDepth: 100 };
  const status = (): HostStatus => ({
    ...ready(),
    version: '0.1.0',
    pid: 1,
    startedAt: 1_700_000_000_000,
    configFile: null,
    configRevision: 1,
    dataDir: '/data',
    machine: machine.latest,
    subsystems: [
      {
        name: 'demo.pool',
        plugin: 'demo',
        limits,
        ceiling: 8,
        policy: POLICY,
        binding: DECISION,
        backpressure: 'warning',
        metrics: METRICS,
        lastDecision: DECISION,
      },
    ],
  });
  return {
    version: '0.1.0',
    startedAt: 1_700_000_000_000,
    bus,
    operations: registry,
    machine,
    uploads,
    logger: silentLogger,
    tokens: new TokensState(),
    hide: (text) => text,
    ready,
    status,
    configuration: status,
    decisions: ({ subsystem, limit }) => (subsystem === undefined || subsystem === DECISION.subsystem ? [DECISION].slice(0, limit) : []),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of an answer is what it tests
  readonly json: any;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Uint8Array;
}

/** One request on a connection of its own, with exactly the headers given (also Host). */
export function ask(
  { server }: Pick<LoopbackHost, 'server'>,
  path: string,
  { method = 'GET', headers = {}, body }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    const sent = request({ host: '127.0.0.1', port: server.port, path, method, headers: given, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = response.headers['content-type']?.startsWith('application/json');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: isJson && text !== '' ? JSON.parse(text) : undefined,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** What a stream has sent so far; destroy `response` to leave it. */
export async function listen(from: Pick<LoopbackHost, 'server'>, path: string, headers: Record<string, string> = {}) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port: from.server.port, path, headers, agent: false }, resolve).once('error', reject);
  });
  const seen = { text: '', ended: false, response };
  response.on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
  response.on('end', () => (seen.ended = true));
  response.on('error', () => (seen.ended = true));
  return seen;
}

export function callOperation(
  host: Pick<LoopbackHost, 'server'>,
  name: string,
  input: unknown = {},
  headers: Asked['headers'] = {},
): Promise<Answer> {
  const body = typeof input === 'string' ? input : JSON.stringify(input);
  return ask(host, `/v1/operations/${name}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
}

export const withToken = { authorization: `Bearer ${TOKEN}` };

/** Bytes as they are on a socket, and all that comes back until it closes. */
export function askRaw({ server }: Pick<LoopbackHost, 'server'>, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

/** Looks again after each turn of the event loop; fails, before Jest's limit does and with its place, when `found` stays false. */
export async function until(found: () => boolean): Promise<void> {
  const deadline = performance.now() + 50_000;
  while (!found()) {
    if (performance.now() > deadline) throw new Error('what the test waits for did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
