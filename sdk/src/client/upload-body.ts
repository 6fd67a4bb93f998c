import { InputError, messageOf } from '../errors.js';
import type { UploadSource } from './client-options.js';

export interface UploadBody {
  readonly body: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** Whether it can be sent a second time. */
  readonly isRepeatable: boolean;
  /** What broke the source while it was read: `fetch` speaks of the connection then. */
  fault(): InputError | undefined;
}

/** Anything that holds bytes, as `fetch` takes it. Nothing is read before it is sent. */
export function uploadBody(source: UploadSource): UploadBody {
  if (source instanceof Blob || source instanceof Uint8Array) return { body: source, isRepeatable: true, fault: () => undefined };
  let fault: InputError | undefined;
  const chunks = chunksOf(source);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        fault = new InputError('UPLOAD_SOURCE_FAILED', `What was to be uploaded cannot be read: ${messageOf(error)}.`, {
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

function chunksOf(source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  if (!(source instanceof ReadableStream)) return source[Symbol.asyncIterator]();
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
