/**
 * The same bytes for the same text, on every machine and in every version: what `random_get` answers in a call with a
 * `seed`. Not for secrets. (xoshiro128**, seeded with four rounds of FNV-1a over the text.)
 */
export function seededBytes(seed: string): (target: Uint8Array) => void {
  const text = new TextEncoder().encode(seed);
  const state = Uint32Array.from({ length: 4 }, (_, round) => fnv1a(text, round));
  // All zeros would stay zeros for ever.
  state[0] = (state[0] as number) | 1;
  let word = 0;
  let left = 0;
  return (target) => {
    for (let index = 0; index < target.length; index += 1) {
      if (left === 0) {
        word = next(state);
        left = 4;
      }
      target[index] = word & 0xff;
      word >>>= 8;
      left -= 1;
    }
  };
}

function fnv1a(text: Uint8Array, round: number): number {
  let hash = Math.imul(0x811c9dc5 ^ round, 0x01000193);
  for (const byte of text) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function next(state: Uint32Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = state;
  const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
  const third = c ^ a;
  const fourth = d ^ b;
  state[1] = b ^ third;
  state[0] = a ^ fourth;
  state[2] = third ^ (b << 9);
  state[3] = rotate(fourth, 11);
  return result;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
