import type { IRandom } from '@bellows/sdk';

/** 32 hexadecimal digits as in `traceparent`. Every call has one: made from numbers with `toString(16)` it took 1 µs, this way 60 ns. */
export function newTraceId(random: IRandom): string {
  for (let word = 0; word < WORDS.length; word += 1) WORDS[word] = random.next() * 2 ** 32;
  return BYTES.toString('hex');
}

const BYTES = Buffer.alloc(16);
/** The same 16 bytes. */
const WORDS = new Uint32Array(BYTES.buffer, BYTES.byteOffset, 4);
