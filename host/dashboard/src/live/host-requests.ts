/** An answer that is no success, in the words of the host. */
export class RequestFailure extends Error {
  /** 0: nobody answered. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'RequestFailure';
    this.status = status;
    this.code = code;
  }
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The requests of the page, all to the host it came from. Each throws `RequestFailure`, or an `AbortError` when it was given up. */
export class HostRequests {
  readonly #fetch: Fetch;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  get<T>(path: string, signal: AbortSignal): Promise<T> {
    return this.#json<T>(path, { signal });
  }

  call<T>(operation: string, input: unknown, signal: AbortSignal): Promise<T> {
    const body = JSON.stringify(input);
    return this.#json<T>(`/v1/operations/${operation}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal });
  }

  /** The stream of events, open; `afterId`: the last that is known. */
  async events(topics: readonly string[], afterId: number | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { accept: 'text/event-stream', ...(afterId === undefined ? {} : { 'last-event-id': String(afterId) }) };
    const answer = await this.#answer(`/v1/events?topics=${topics.join(',')}`, { headers, signal });
    if (answer.body === null) throw new RequestFailure(answer.status, 'NO_BODY', 'The stream of events has no body.');
    return answer.body;
  }

  async #json<T>(path: string, init: RequestInit): Promise<T> {
    const answer = await this.#answer(path, init);
    try {
      return (await answer.json()) as T;
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new RequestFailure(answer.status, 'NO_JSON', `What ${path} answered is no JSON.`);
    }
  }

  async #answer(path: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await this.#fetch(path, { cache: 'no-store', credentials: 'same-origin', ...init });
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new RequestFailure(0, 'UNREACHABLE', 'The host does not answer.');
    }
    if (!answer.ok) throw await failureOf(answer);
    return answer;
  }
}

export function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'AbortError';
}

async function failureOf(answer: Response): Promise<RequestFailure> {
  const body = (await answer.json().catch(() => undefined)) as { error?: { code?: unknown; message?: unknown } } | undefined;
  const { code, message } = body?.error ?? {};
  const text = typeof message === 'string' ? message : `The host answered ${answer.status}.`;
  return new RequestFailure(answer.status, typeof code === 'string' ? code : 'UNKNOWN', text);
}
