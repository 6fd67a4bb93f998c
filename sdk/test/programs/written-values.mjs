// What the write loop writes, so that another process can tell whether it is there.
const VALUE_BYTES = 2_000;
const LARGE_CHUNKS = 5;
const CHUNK_BYTES = 500_000;

export const LARGE_PATH = 'dw://internal/large';
export const VALUE_PREFIX = 'dw://internal/loop/';

export function valuePath(id) {
  return VALUE_PREFIX + id;
}

export function dataOf(id) {
  return filled(VALUE_BYTES, id);
}

export async function* largeChunks(id) {
  for (let chunk = 0; chunk < LARGE_CHUNKS; chunk += 1) yield filled(CHUNK_BYTES, id);
}

/** The number a value was written with; throws when it is not wholly one that was written. */
export function idOf(data, { large = false } = {}) {
  const length = large ? LARGE_CHUNKS * CHUNK_BYTES : VALUE_BYTES;
  const id = new DataView(data.buffer, data.byteOffset).getUint32(0);
  const expected = large ? Buffer.concat(Array.from({ length: LARGE_CHUNKS }, () => filled(CHUNK_BYTES, id))) : filled(VALUE_BYTES, id);
  if (data.length !== length || Buffer.compare(data, expected) !== 0)
    throw new Error(`a value of ${data.length} bytes is none that was written`);
  return id;
}

function filled(length, id) {
  const data = new Uint8Array(length).fill(id % 251);
  new DataView(data.buffer).setUint32(0, id);
  return data;
}
