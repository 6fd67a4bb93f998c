import { InputError } from './errors.js';
import { kindOfValue } from './kind-of-value.js';
import { isBytes } from './store-value.js';

/** The most a streamed value holds in memory at a time, and the unit large values are stored and checked in. */
export const PIECE_BYTES = 1024 * 1024;

/**
 * The bytes of `chunks` in pieces of {@link PIECE_BYTES}, the last one shorter, none empty. Each has its memory for itself, so the source may
 * use its arrays again. Asks the source for more only when the piece before was taken. When `signal` aborts, rejects with its reason at once,
 * also while the source is silent. Closes the source when it ends early.
 */
export async function* piecesOf(chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let piece = new Uint8Array(PIECE_BYTES);
  let used = 0;
  for await (const chunk of untilAborted(chunks, signal)) {
    if (!isBytes(chunk)) {
      throw new InputError('STORE_CHUNK_INVALID', `A stream for the store gave ${kindOfValue(chunk)}: every chunk must be a Uint8Array`);
    }
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + PIECE_BYTES - used);
      piece.set(part, used);
      used += part.length;
      at += part.length;
      if (used === PIECE_BYTES) {
        yield piece;
        signal?.throwIfAborted();
        piece = new Uint8Array(PIECE_BYTES);
        used = 0;
      }
    }
  }
  if (used > 0) yield piece.slice(0, used);
}

/** What is read of a value in pieces of at most {@link PIECE_BYTES}, each a copy. */
export function* slicesOf(data: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < data.length; at += PIECE_BYTES) yield new Uint8Array(data.subarray(at, at + PIECE_BYTES));
}

/** The source itself, except that no wait for it outlasts the signal. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  if (signal === undefined) return yield* source;
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let giveUp: (reason: unknown) => void = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  // it is raced below; where it loses, nobody else listens
  aborted.catch(() => {});
  const onAbort = () => giveUp(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let isOver = false;
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      isOver = next.done === true;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // not awaited: a silent source would not even end
    if (!isOver) Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
