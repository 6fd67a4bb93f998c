import { InputError, messageOf } from '../errors.js';
import type { EventOf } from '../events.js';
import type { OperationTypes } from '../operation-types.js';
import { systemRandom } from '../random.js';
import type { OperationsAnswer, PluginsAnswer, StatusAnswer, UploadAnswer } from './answers.js';
import { callHeaders } from './call-headers.js';
import { realClock } from './client-clock.js';
import {
  baseOf,
  demandAskOptions,
  demandAtLeast,
  demandCallOptions,
  demandClientOptions,
  demandFollowOptions,
  demandToken,
  policyOf,
} from './client-demands.js';
import type { AskOptions, ClientCallOptions, ClientOptions, FollowOptions, UploadSource } from './client-options.js';
import { followEvents } from './follow-events.js';
import { HostExchange, type HostRequest } from './host-exchange.js';
import { answerInvalid, readAnswer } from './read-answer.js';
import { uploadBody } from './upload-body.js';

/**
 * The operations of types that were given to the client, and no other. Of {@link OperationTypes}, which holds the plugins that a program
 * imports types of, any other name too.
 */
export type OperationName<Types> = (keyof Types & string) | (IsOpen<Types> extends true ? string & {} : never);
/** Both ways: types of a host that lack what the program knows, or have more, are others. */
type IsOpen<Types> = [OperationTypes, Types] extends [Types, OperationTypes] ? true : false;
export type InputOf<Types, Name> = Name extends keyof Types ? (Types[Name] extends { readonly input: infer I } ? I : unknown) : unknown;
export type OutputOf<Types, Name> = Name extends keyof Types ? (Types[Name] extends { readonly output: infer O } ? O : unknown) : unknown;

/**
 * Talks to one host. Everything rejects with Bellows errors only: those of the host are `RemoteError`, of the kind that says who must act;
 * those of the way to it have the codes HOST_UNREACHABLE, ANSWER_CUT, ANSWER_INVALID, ANSWER_TOO_LARGE, DEADLINE_EXCEEDED, CALL_CANCELLED.
 * Holds nothing between calls, so there is nothing to close. Any number of calls may run at once.
 */
export interface Client<Types = OperationTypes> {
  /**
   * A failure that passes (no connection, no capacity, not ready) is tried again when that is safe: with an idempotency key, or when the
   * host refused and said when to come back. What is sent and answered is typed where `Types` knows the name, and the host checks both.
   */
  call<const Name extends OperationName<Types>>(
    name: Name,
    /** `undefined` is `{}`. */
    input: InputOf<Types, Name>,
    options?: ClientCallOptions,
  ): Promise<OutputOf<Types, Name>>;
  status(options?: AskOptions): Promise<StatusAnswer>;
  plugins(options?: AskOptions): Promise<PluginsAnswer['plugins']>;
  operations(options?: AskOptions): Promise<OperationsAnswer['operations']>;
  /**
   * Topics of the host and of plugins, also those on which nothing has been published yet. Each iteration is a stream of its own.
   * `from(client.events())` of RxJS makes an Observable of it; end that with the signal. Throws `InputError` for options that mean nothing.
   */
  events<const T extends string = '*'>(options?: FollowOptions<T>): AsyncIterable<EventOf<T>>;
  /**
   * Keeps bytes on the host; the url goes into the input of an operation. Rejects with `InputError` for what is no bytes
   * (`UPLOAD_SOURCE_INVALID`) or cannot be read (`UPLOAD_SOURCE_FAILED`).
   */
  upload(source: UploadSource, options?: AskOptions): Promise<UploadAnswer>;
}

/** As long as the host takes JSON. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** `InputError` (`CALL_OPTIONS_INVALID`) for an address, a name, a token or a number that no host can be asked with. */
export function createClient<Types = OperationTypes>(options: ClientOptions): Client<Types> {
  demandClientOptions(options);
  const { token, tenant, user, retry: ownRetry, maxAnswerBytes = MAX_ANSWER_BYTES, clock = realClock, random = systemRandom } = options;
  const fetch = options.fetch ?? ((url: string, init: RequestInit) => globalThis.fetch(url, init));
  const exchange = new HostExchange({ base: baseOf(options.url), token: demandToken(token), fetch, clock, random });
  const owner = { ...(tenant === undefined ? {} : { tenant }), ...(user === undefined ? {} : { user }) };
  callHeaders(owner);
  policyOf(ownRetry, undefined);
  demandAtLeast(1, { maxAnswerBytes });
  const read = (answer: Response) => readAnswer(answer, maxAnswerBytes);

  const ask = async (request: HostRequest, { signal, deadlineMs, retry }: AskOptions, isSafe: boolean): Promise<unknown> => {
    const tries = { retry: policyOf(ownRetry, retry), isSafe, ...(signal && { signal }), ...(deadlineMs !== undefined && { deadlineMs }) };
    return exchange.ask(request, tries, read);
  };
  const get = async <T>(path: string, given: AskOptions, demanded: readonly string[]): Promise<T> => {
    demandAskOptions(given);
    const headers = { ...callHeaders(given), accept: 'application/json' };
    const answer = await ask({ method: 'GET', path, headers }, given, true);
    for (const key of demanded) if (!Array.isArray((answer as Record<string, unknown> | null)?.[key])) throw answerInvalid(`no ${key}`);
    return answer as T;
  };

  return {
    async call(name, input, given = {}) {
      demandCallOptions(given);
      const headers = { ...callHeaders({ ...owner, ...given }), accept: 'application/json', 'content-type': 'application/json' };
      const path = `/v1/operations/${encodeURIComponent(String(name).toWellFormed())}`;
      const answer = await ask({ method: 'POST', path, headers, body: jsonOf(input) }, given, given.idempotencyKey !== undefined);
      return answer as never;
    },
    status: (given = {}) => get<StatusAnswer>('/v1/status', given, ['plugins', 'subsystems']),
    plugins: async (given = {}) => (await get<PluginsAnswer>('/v1/plugins', given, ['plugins'])).plugins,
    operations: async (given = {}) => (await get<OperationsAnswer>('/v1/operations', given, ['operations'])).operations,
    events<T extends string>(given: FollowOptions<T> = {}): AsyncIterable<EventOf<T>> {
      demandFollowOptions(given);
      const path = `/v1/events${given.topics === undefined ? '' : `?topics=${given.topics.map(encodeURIComponent).join(',')}`}`;
      const open = async (lastEventId: number | undefined, signal: AbortSignal) => {
        const headers = { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }) };
        const answer = await exchange.open({ method: 'GET', path, headers }, signal);
        const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream');
        if (answer.status === 200 && isStream) return answer;
        await read(answer);
        throw answerInvalid('no stream of events');
      };
      return { [Symbol.asyncIterator]: () => followEvents({ open, clock, random }, given) };
    },
    async upload(source, given = {}) {
      demandAskOptions(given);
      const { body, isRepeatable, fault } = uploadBody(source);
      const headers = { ...callHeaders(given), accept: 'application/json', 'content-type': 'application/octet-stream' };
      const request: HostRequest = { method: 'POST', path: '/v1/files', headers, body };
      try {
        // the same bytes get the same address: sending them again changes nothing
        const answer = (await ask(request, isRepeatable ? given : { ...given, retry: false }, true)) as Partial<UploadAnswer> | null;
        if (typeof answer?.url === 'string' && typeof answer.bytes === 'number') return { url: answer.url, bytes: answer.bytes };
      } catch (error) {
        throw fault() ?? error;
      }
      throw answerInvalid('no address of the upload');
    },
  };
}

function jsonOf(input: unknown): string {
  try {
    return JSON.stringify(input === undefined ? {} : input) ?? 'null';
  } catch (error) {
    throw new InputError('INPUT_NOT_JSON', `The input of a call must be what JSON can hold: ${messageOf(error)}.`, {
      phase: 'call',
      cause: error,
    });
  }
}
