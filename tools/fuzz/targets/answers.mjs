import { createClient, isBellowsError } from '@bellows/sdk/client';
import fc from 'fast-check';
import { hostileJson, hostileText, mutated, mutatedText } from '../hostile-values.mjs';
import { demandKnown } from '../run-target.mjs';

const ERROR = {
  error: { code: 'INPUT_INVALID', message: 'Wrong.', details: [{ path: 'a', message: 'b' }], retryAfterMs: 5, traceId: 'ab' },
};
const EVENT = { topic: 'sample', id: 1, at: 1, source: 'host', version: 1, payload: {} };
const STREAM = `event: sample\nid: 1\ndata: ${JSON.stringify(EVENT)}\n\nevent: gap\ndata: {}\n\n: beat\n\n`;

const body = fc.oneof(
  mutated(fc.constant(ERROR)).map((value) => JSON.stringify(value)),
  hostileJson.map((value) => JSON.stringify(value)),
  mutatedText(fc.constant(JSON.stringify(ERROR))),
  mutatedText(fc.constant(STREAM)),
  hostileText,
);
const anyAnswer = fc.record({
  body,
  status: fc.oneof(fc.constantFrom(200, 400, 401, 404, 409, 413, 422, 429, 500, 502, 503, 504), fc.integer({ min: 200, max: 599 })),
  type: fc.constantFrom('application/json', 'text/event-stream', 'text/html', ''),
  retryAfter: fc.option(fc.constantFrom('1', '0', '-1', '999999999999', 'soon', '1e3'), { nil: undefined }),
  asking: fc.constantFrom('call', 'status', 'plugins', 'operations', 'upload', 'events'),
});
/** Streams whose events are damaged: of any answers one or two in a thousand are read as a stream at all. */
const streamed = fc
  .array(
    fc.oneof(
      mutated(fc.constant(EVENT)).map((value) => `data: ${JSON.stringify(value)}\n\n`),
      mutatedText(fc.constant(STREAM)),
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((events) => ({ body: events.join(''), status: 200, type: 'text/event-stream', retryAfter: undefined, asking: 'events' }));
const answer = fc.oneof({ weight: 3, arbitrary: anyAnswer }, { weight: 1, arbitrary: streamed });
/** These come without a body, whatever a host would send. */
const BODILESS = new Set([204, 205, 304]);

/** The client against a host that answers anything. */
export const answers = {
  async open() {
    const check = async (given) => {
      const fetch = async () => responseOf(given);
      const client = createClient({ url: 'http://127.0.0.1:1', fetch, retry: false, maxAnswerBytes: 100_000 });
      try {
        await ask(client, given.asking);
        return 'answered';
      } catch (error) {
        if (!isBellowsError(error)) throw error;
        if (error.traceId === undefined) demandKnown(error.code, error.message);
        if (!/^[A-Z][A-Z0-9_]*$/.test(error.code)) throw new Error(`the code ${error.code} was believed`);
        return error.traceId === undefined ? error.code : 'an error of the host';
      }
    };
    return { arbitrary: answer, check };
  },
};

async function ask(client, asking) {
  switch (asking) {
    case 'call':
      return client.call('a.b', {});
    case 'upload':
      return client.upload(new Uint8Array(1));
    case 'events': {
      for await (const event of client.events({ maxFailures: 1 })) {
        if (typeof event.topic !== 'string' || !Number.isSafeInteger(event.id)) throw new Error('that is no event');
      }
      return undefined;
    }
    default:
      return client[asking]();
  }
}

function responseOf({ body: text, status, type, retryAfter }) {
  const headers = { ...(type === '' ? {} : { 'content-type': type }), ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }) };
  return new Response(BODILESS.has(status) ? null : text, { status, headers });
}
