import type { IncomingMessage, RequestOptions } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BellowsError, CancelledError, type ErrorBody, InputError, isBellowsError, messageOf, NotReadyError } from '@bellows/sdk';
import { EventStreamParser, RemoteError, readErrorBody, type StreamedEvent } from '@bellows/sdk/client';

/** An `import` would read every export of the module, and one of them loads all of undici: 25 to 30 ms of every command, measured with Node.js 26. */
const { request: httpRequest } = createRequire(import.meta.url)('node:http') as typeof import('node:http');

export interface HostClientOptions {
  readonly url: string;
  readonly token?: string;
  /** For whom operations are called. */
  readonly tenant?: string;
  /** Aborting ends the request with `CancelledError` (`INTERRUPTED`). */
  readonly signal: AbortSignal;
}

/**
 * Speaks to a host for the command line. Of the client of the SDK it uses the parts, not the whole: `fetch` gives up an answer whose headers
 * take longer than five minutes, and a call may run for hours. Rejects with `RemoteError`, `NotReadyError` (`HOST_UNREACHABLE`) or
 * `CancelledError`.
 */
export class HostClient {
  readonly #base: URL;
  readonly #options: HostClientOptions;

  constructor(options: HostClientOptions) {
    this.#options = options;
    this.#base = parseUrl(options.url);
  }

  /** Where the host is asked, as a URL without a path. */
  get origin(): string {
    return this.#base.origin;
  }

  /** The page, with the token that lets the browser in. `InputError` (`USAGE`) where no token is known. */
  get pageUrl(): string {
    const { token } = this.#options;
    if (token !== undefined) return `${this.origin}/?token=${encodeURIComponent(token)}`;
    throw new InputError(
      'USAGE',
      `No token for ${this.origin} is known here: set BELLOWS_TOKEN or name the data folder of the host with --data.`,
    );
  }

  get<T>(path: string): Promise<T> {
    return this.#send('GET', path, {});
  }

  call<T>(operation: string, input: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    const { tenant } = this.#options;
    const all = tenant === undefined ? headers : { 'bellows-tenant': tenant, ...headers };
    return this.post(`/v1/operations/${encodeURIComponent(operation)}`, input, all);
  }

  /** JSON to a route of the host. */
  post<T>(path: string, value: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    const body = Buffer.from(JSON.stringify(value));
    return this.#send('POST', path, {
      headers: { ...headers, 'content-type': 'application/json', 'content-length': String(body.byteLength) },
      body: Readable.from([body]),
    });
  }

  upload(body: Readable): Promise<{ readonly url: string; readonly bytes: number }> {
    return this.#send('POST', '/v1/files', { headers: { 'content-type': 'application/octet-stream' }, body });
  }

  /** The server-sent events at `path`, until the host ends them or the signal aborts; then it throws as the others do. */
  async *events(path: string): AsyncGenerator<StreamedEvent, never> {
    const response = await this.#exchange('GET', path, { headers: { accept: 'text/event-stream' } });
    try {
      if (response.statusCode !== 200) await answerOf(response, this.#base);
      const parser = new EventStreamParser();
      response.setEncoding('utf8');
      for await (const chunk of response) yield* parser.push(chunk as string);
    } catch (error) {
      throw this.#explained(error);
    } finally {
      response.destroy();
    }
    throw this.#explained(new Error('it ended the stream of events'));
  }

  async #send<T>(method: string, path: string, { headers = {}, body }: { headers?: Record<string, string>; body?: Readable }): Promise<T> {
    const response = await this.#exchange(method, path, {
      headers: { accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
    });
    try {
      return await answerOf<T>(response, this.#base);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async #exchange(
    method: string,
    path: string,
    { headers, body }: { readonly headers: Record<string, string>; readonly body?: Readable },
  ): Promise<IncomingMessage> {
    const { token, signal } = this.#options;
    const allHeaders = { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    try {
      return await exchange(new URL(path, this.#base), { method, headers: allHeaders, signal, agent: false }, body);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): BellowsError {
    if (this.#options.signal.aborted) return interruptedError();
    if (isBellowsError(error)) return error;
    return new NotReadyError(
      'HOST_UNREACHABLE',
      `No host answered at ${this.origin} (${reasonOf(error)}): start one with "bellows start", or name it with --url.`,
      { cause: error },
    );
  }
}

export function interruptedError(): CancelledError {
  return new CancelledError('INTERRUPTED', 'The command was interrupted.');
}

function exchange(url: URL, options: RequestOptions, body: Readable | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, options, resolve);
    request.once('error', reject);
    if (!body) {
      request.end();
      return;
    }
    // The host may answer and hang up before it has read everything (a file too large): its answer then says more than the broken pipe.
    pipeline(body, request).catch((error: unknown) => setImmediate(() => reject(error)));
  });
}

async function answerOf<T>(response: IncomingMessage, base: URL): Promise<T> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode = 0 } = response;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new NotReadyError('HOST_UNREACHABLE', `What answers at ${base.origin} is no Bellows host (status ${statusCode}, no JSON).`);
  }
  if (statusCode >= 200 && statusCode < 300) return value as T;
  const body = readErrorBody(value);
  if (body) throw new RemoteError(statusCode, forThisSide(statusCode, body, base));
  throw new NotReadyError('HOST_UNREACHABLE', `What answers at ${base.origin} is no Bellows host (status ${statusCode}).`);
}

/** The host speaks of headers, which nobody writes on a command line. */
function forThisSide(status: number, body: ErrorBody, base: URL): ErrorBody {
  if (body.code === 'TENANT_FORBIDDEN') {
    return { ...body, message: body.message.replace(/"Bellows-(Tenant|User)"/g, (_header, what: string) => `--${what.toLowerCase()}`) };
  }
  if (status !== 401) return body;
  const what = body.code === 'TOKEN_UNKNOWN' ? 'does not know the token it was sent' : 'wants a token for this';
  return { ...body, message: `The host at ${base.origin} ${what}: set BELLOWS_TOKEN or name its data folder with --data.` };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:') return url;
  throw new InputError('USAGE', `${JSON.stringify(text)} is no address of a host: give one like http://127.0.0.1:7070.`);
}

function reasonOf(error: unknown): string {
  const { code } = error as { code?: string };
  return code ?? messageOf(error);
}
