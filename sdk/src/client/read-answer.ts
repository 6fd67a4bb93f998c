import { type BellowsError, ConfigError, isBellowsError, messageOf, NotReadyError, RefusedError } from '../errors.js';
import { RemoteError, readErrorBody } from './remote-error.js';

/** What a gateway answers while the host behind it is away. */
const GATEWAY_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);

/** The value of a 2xx answer. Throws `RemoteError` for an error of the host, and the codes of transport for what is no answer of one. */
export async function readAnswer(response: Response, maxBytes: number): Promise<unknown> {
  const text = await readText(response, maxBytes);
  const { status } = response;
  const parsed = parseAnswer(text);
  if (response.ok) {
    if (parsed) return parsed.value;
    throw answerInvalid(`status ${status}, no JSON`);
  }
  const body = readErrorBody(parsed?.value);
  if (body) throw new RemoteError(status, body, response.headers.get('retry-after'));
  if (GATEWAY_STATUS.has(status)) throw unreachable(`something in front of it answered ${status}`);
  throw answerInvalid(`status ${status}, no error of a host`);
}

export function answerInvalid(what: string): BellowsError {
  return new ConfigError('ANSWER_INVALID', `What answered is no Bellows host (${what}): check the address of the client.`, {
    phase: 'call',
  });
}

export function unreachable(what: string, cause?: unknown): BellowsError {
  return new NotReadyError('HOST_UNREACHABLE', `No host answered (${what}): check that it runs, and the address of the client.`, {
    phase: 'call',
    cause,
  });
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const { body } = response;
  if (body === null) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  // what is no number says nothing, and must not make the comparison below one that never holds
  const announced = Number(response.headers.get('content-length')) || 0;
  try {
    for (;;) {
      if (Math.max(announced, bytes) > maxBytes) throw tooLarge(maxBytes);
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    // nobody waits for the rest; that it cannot be called off either adds nothing
    reader.cancel().catch(() => {});
    if (isBellowsError(error)) throw error;
    throw new NotReadyError('ANSWER_CUT', `The connection broke within the answer (${messageOf(error)}): the call may have been done.`, {
      phase: 'call',
      cause: error,
    });
  }
}

function tooLarge(maxBytes: number): RefusedError {
  const message = `The answer is longer than ${maxBytes} bytes: ask for less, or raise maxAnswerBytes of the client.`;
  return new RefusedError('ANSWER_TOO_LARGE', message, { phase: 'call' });
}

/** Without keys that would change prototypes where a program copies carelessly. Undefined: no JSON, or nested beyond what can be looked through. */
function parseAnswer(text: string): { readonly value: unknown } | undefined {
  try {
    // The search in the text is fast, and sees escaped letters as a reason to look closer.
    return { value: /__proto__|\\u/.test(text) ? JSON.parse(text, withoutPrototype) : JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function withoutPrototype(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}
