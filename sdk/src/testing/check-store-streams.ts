import { isBellowsError, messageOf } from '../errors.js';
import type { IPersistentBackingStore } from '../persistent-backing-store.js';
import { demand, rejectionOf } from './promise-check.js';

type StreamCheck = (store: IPersistentBackingStore) => Promise<void>;

/** What a store promises whose values can be streamed; a store without streams promises none of it. */
export const STREAM_PROMISES: Readonly<Record<string, StreamCheck>> = {
  'a store has both streams or none': async (store) => {
    demand((store.writeStream === undefined) === (store.readStream === undefined), 'it has one of writeStream and readStream');
  },
  'a stream is visible as a whole or not at all': whereStreamed(checkVisibility),
  'a stream is read back, whatever its chunks are': whereStreamed(checkChunks),
  'a stream that ends early leaves the old value and closes its source': whereStreamed(checkEarlyEnd),
  'a source is asked only as fast as the store takes': whereStreamed(checkPace),
  'a stream being read stays the value that it was': whereStreamed(checkReaders),
  'streams refuse what cannot be with its code': whereStreamed(checkRefusals),
};

interface StreamingStore extends IPersistentBackingStore {
  writeStream(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  readStream(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

const PATH = 'dw://internal/check/stream';
const MEBIBYTE = 2 ** 20;
/** More than any store should hold of a stream at a time. */
const LONG_CHUNKS = 32;
const SILENT_TURNS = 1_000;

function whereStreamed(check: (store: StreamingStore) => Promise<void>): StreamCheck {
  return async (store) => {
    if (store.writeStream !== undefined && store.readStream !== undefined) await check(store as StreamingStore);
  };
}

async function checkVisibility(store: StreamingStore): Promise<void> {
  await store.write(PATH, Uint8Array.of(1));
  const seen: string[] = [];
  async function* source() {
    yield patterned(2 * MEBIBYTE);
    seen.push(String(await store.read(PATH)));
    yield Uint8Array.of(3, 4);
    seen.push(String(await store.read(PATH)));
  }
  await store.writeStream(PATH, source());
  demand(
    seen.join(' ') === '1 1',
    `while a stream was written its path was read as ${seen.map((text) => text.slice(0, 20)).join(' and ')}`,
  );
  const found = await store.read(PATH);
  demand(found?.length === 2 * MEBIBYTE + 2, `a streamed value was read as ${found?.length ?? 'no'} bytes`);
}

async function checkChunks(store: StreamingStore): Promise<void> {
  const large = patterned(3 * MEBIBYTE + 7);
  const reused = new Uint8Array(3);
  const samples: Readonly<Record<string, readonly [chunks: () => AsyncIterable<Uint8Array>, expected: Uint8Array]>> = {
    'no chunk': [() => chunksOf([]), Uint8Array.of()],
    'empty chunks': [() => chunksOf([Uint8Array.of(), Uint8Array.of(5), Uint8Array.of()]), Uint8Array.of(5)],
    'one large chunk': [() => chunksOf([large]), large],
    'many chunks': [() => chunksOf([...slices(large, 65_537)]), large],
    'an array that is used again': [
      async function* () {
        for (const value of [1, 2, 3]) yield reused.fill(value);
        reused.fill(9);
      },
      Uint8Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3),
    ],
  };
  for (const [name, [chunks, expected]] of Object.entries(samples)) {
    await store.writeStream(PATH, chunks());
    demand(isSame(await store.read(PATH), expected), `a stream of ${name} was read as something else`);
    demand(isSame(await collected(store, PATH), expected), `a stream of ${name} was streamed back as something else`);
    demand(await store.exists(PATH), `the path of a stream of ${name} does not exist`);
  }
  await store.write(PATH, large);
  demand(isSame(await collected(store, PATH), large), 'a value that write wrote was streamed back as something else');
}

async function checkEarlyEnd(store: StreamingStore): Promise<void> {
  await store.write(PATH, Uint8Array.of(1));
  const broken = new Error('the source broke');
  async function* breaking() {
    yield patterned(2 * MEBIBYTE);
    throw broken;
  }
  const error = await rejectionOf('a stream whose source breaks', () => store.writeStream(PATH, breaking()));
  demand(error === broken, `a stream whose source breaks rejected with ${messageOf(error)}`);
  demand(isSame(await store.read(PATH), Uint8Array.of(1)), 'a stream whose source broke changed the value');

  const gone = new Error('the caller went away');
  const abort = new AbortController();
  let isClosed = false;
  async function* aborting() {
    try {
      for (let chunk = 0; chunk < LONG_CHUNKS; chunk += 1) {
        yield patterned(MEBIBYTE);
        abort.abort(gone);
      }
    } finally {
      isClosed = true;
    }
  }
  const aborted = await rejectionOf('a stream that is aborted', () => store.writeStream(PATH, aborting(), abort.signal));
  demand(aborted === gone, `a stream that is aborted rejected with ${messageOf(aborted)} instead of the signal's reason`);
  demand(isSame(await store.read(PATH), Uint8Array.of(1)), 'an aborted stream changed the value');
  // its end is asked for and not waited for
  await new Promise((resolve) => setImmediate(resolve));
  demand(isClosed, 'an aborted stream left its source open');

  const silence = new AbortController();
  async function* silent(): AsyncGenerator<Uint8Array> {
    setImmediate(() => silence.abort(gone));
    // in the end it speaks, so that a store that waits for it is found
    for (let turn = 0; turn < SILENT_TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  const ended = await rejectionOf('a stream whose source is silent', () => store.writeStream(PATH, silent(), silence.signal));
  demand(ended === gone, `a stream whose source is silent rejected with ${messageOf(ended)}`);
  demand((await store.list('')).join() === PATH, 'streams that ended early left a path behind');
}

async function checkPace(store: StreamingStore): Promise<void> {
  await store.writeStream(PATH, chunksOf(Array.from({ length: LONG_CHUNKS }, () => patterned(MEBIBYTE / 2))));
  let asked = 0;
  const abort = new AbortController();
  async function* endless() {
    for (; asked < 4 * LONG_CHUNKS; asked += 1) {
      yield patterned(MEBIBYTE / 4);
      if (asked === LONG_CHUNKS) abort.abort(new Error('enough'));
    }
  }
  await rejectionOf('a stream that is aborted', () => store.writeStream(PATH, endless(), abort.signal));
  demand(asked < 2 * LONG_CHUNKS, `a source was asked for ${asked - LONG_CHUNKS} more chunks after its stream was aborted`);
}

async function checkReaders(store: StreamingStore): Promise<void> {
  const old = patterned(3 * MEBIBYTE);
  await store.writeStream(PATH, chunksOf([old]));
  const parts: Uint8Array[] = [];
  for await (const chunk of store.readStream(PATH)) {
    parts.push(new Uint8Array(chunk));
    chunk.fill(0);
    if (parts.length === 1) await store.write(PATH, patterned(2 * MEBIBYTE).fill(7));
    if (parts.length === 2) await store.delete(PATH);
  }
  demand(isSame(joined(parts), old), 'a stream that was being read changed when its path was written and deleted');
  demand((await store.read(PATH)) === null, 'a value that was deleted while it was read is there');
  await store.writeStream(PATH, chunksOf([old]));
  for await (const _chunk of store.readStream(PATH)) break;
  await store.write(PATH, Uint8Array.of(2));
  demand(
    isSame(await collected(store, PATH), Uint8Array.of(2)),
    'after a loop over a stream was left, its path was streamed as something else',
  );
}

async function checkRefusals(store: StreamingStore): Promise<void> {
  const missing = await rejectionOf('readStream of a path never written', () => collected(store, PATH));
  demand(codeOf(missing) === 'STORE_VALUE_MISSING', `readStream of a path never written rejected with ${codeOf(missing)}`);
  for (const path of ['', 'dw://internal/../a', 'dw://internal/a\nb']) {
    for (const call of [() => collected(store, path), () => store.writeStream(path, chunksOf([]))]) {
      const code = codeOf(await rejectionOf(`a stream of ${JSON.stringify(path)}`, call));
      demand(code === 'STORE_PATH_INVALID', `a stream of ${JSON.stringify(path)} rejected with ${code}`);
    }
  }
  const reason = new Error('the caller went away');
  const aborted = AbortSignal.abort(reason);
  await store.write(PATH, Uint8Array.of(1));
  for (const call of [() => store.writeStream(PATH, chunksOf([]), aborted), () => collected(store, PATH, aborted)]) {
    const error = await rejectionOf('a stream with an aborted signal', call);
    demand(error === reason, `a stream with an aborted signal rejected with ${messageOf(error)} instead of the signal's reason`);
  }
  const text = chunksOf(['text' as unknown as Uint8Array]);
  const code = codeOf(await rejectionOf('a stream of text', () => store.writeStream(PATH, text)));
  demand(code === 'STORE_CHUNK_INVALID', `a stream of text rejected with ${code}`);
  demand(isSame(await store.read(PATH), Uint8Array.of(1)), 'a refused stream changed the value');
}

async function collected(store: StreamingStore, path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of store.readStream(path, signal)) parts.push(chunk);
  return joined(parts);
}

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function* slices(data: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += length) yield data.subarray(at, at + length);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** No two mebibytes of it are alike. */
function patterned(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, index) => (index * 31 + (index >> 20)) & 0xff);
}

function isSame(found: Uint8Array | null, expected: Uint8Array): boolean {
  return found !== null && found.length === expected.length && found.every((byte, index) => byte === expected[index]);
}

function codeOf(error: unknown): string {
  return isBellowsError(error) ? error.code : messageOf(error);
}
