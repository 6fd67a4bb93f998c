const SPACE: u8 = 32;
const HASH_OFFSET: u64 = ((<u64>0xcbf29ce4) << 32) | <u64>0x84222325;
const HASH_PRIME: u64 = 0x100000001b3;

/** What stands between white space, as a number each: FNV-1a of its bytes, so that comparing two is one step. */
export function wordsOf(text: Uint8Array): u64[] {
  const words: u64[] = [];
  let hash: u64 = HASH_OFFSET;
  let isInside = false;
  for (let at = 0; at <= text.length; at++) {
    const byte: u8 = at < text.length ? text[at] : SPACE;
    if (byte === SPACE || (byte >= 9 && byte <= 13)) {
      if (isInside) words.push(hash);
      isInside = false;
      hash = HASH_OFFSET;
    } else {
      isInside = true;
      hash = (hash ^ <u64>byte) * HASH_PRIME;
    }
  }
  return words;
}
