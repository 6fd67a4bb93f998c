import http from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly json: any;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** How much of a body is sent before looking whether the answer is there already. */
const PIECE_BYTES = 256 * 1024;

/** node:http instead of fetch: tests must be able to send a wrong `Host` header. One connection per request. */
export function request(url: string, { method = 'GET', headers = {}, body = '' }: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    const length = method === 'GET' ? {} : { 'content-length': String(bytes.length) };
    let answered = false;
    const outgoing = http.request(url, { method, headers: { ...length, ...headers }, agent: false }, (incoming) => {
      answered = true;
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: parse(text) });
        outgoing.destroy();
      });
    });
    // A host that refuses a body stops reading it: what matters then is its answer.
    outgoing.on('error', (error) => answered || reject(error));
    const send = (from: number) => {
      if (answered) return;
      const rest = from + PIECE_BYTES < bytes.length;
      const piece = bytes.subarray(from, from + PIECE_BYTES);
      if (rest) outgoing.write(piece, () => setImmediate(send, from + PIECE_BYTES));
      else outgoing.end(piece);
    };
    send(0);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
