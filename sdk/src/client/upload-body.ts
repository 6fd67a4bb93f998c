import { InputError, messageOf } from '../errors.js';
import type { UploadSource } from './client-options.js';

export interface UploadBody {
  readonly body: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** Whether it can be sent a second time. */
  readonly isRepeatable: boolean;
  /** What broke the source while it was read: `fetch` speaks of the connection then. */
  fault(): InputError | undefined;
}

/**
 * Anything that holds bytes, as `fetch` takes it. Nothing is read before it is sent. `InputError` (`UPLOAD_SOURCE_INVALID`) for what holds
 * none; the same is the `fault` of a source that gives something else in between.
 */
export function uploadBody(source: UploadSource): UploadBody {
  if (source instanceof Blob || isBytes(source)) return { body: source, isRepeatable: true, fault: () => undefined };
  let fault: InputError | undefined;
  const chunks = chunksOf(source);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else if (isBytes(value)) controller.enqueue(value);
        else {
          fault = invalid(value);
          await chunks.return?.();
          throw fault;
        }
      } catch (error) {
        fault ??= new InputError('UPLOAD_SOURCE_FAILED', `What was to be uploaded cannot be read: ${messageOf(error)}.`, {
          phase: 'call',
          cause: error,
        });
        controller.error(fault);
      }
    },
    async cancel() {
      await chunks.return?.();
    },
  });
  return { body, isRepeatable: false, fault: () => fault };
}

/** Of any realm; `fetch` takes no other array. */
function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return tagOf(value) === 'Uint8Array';
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function chunksOf(source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  if (!(source instanceof ReadableStream)) {
    const iterator = (source as AsyncIterable<Uint8Array> | null | undefined)?.[Symbol.asyncIterator]?.();
    if (iterator === undefined) throw invalid(source);
    return iterator;
  }
  // not every browser can iterate over a stream
  const reader = source.getReader();
  return {
    next: async () => (await reader.read()) as IteratorResult<Uint8Array>,
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

function invalid(given: unknown): InputError {
  const text = `An upload takes a Blob, a Uint8Array or a stream of those, not ${tagOf(given)}; encode a text with TextEncoder.`;
  return new InputError('UPLOAD_SOURCE_INVALID', text, { phase: 'call' });
}
