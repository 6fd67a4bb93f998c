/** A passage that stands twice: how many bytes, and where the two begin. */
export class Repeat {
  constructor(
    public length: i32,
    public first: i32,
    public second: i32,
  ) {}
}

/** What comes after these bytes is not looked at: every byte is compared with every other. */
const MAX_BYTES: i32 = 8192;

/** The longest one whose two places do not overlap; of equally long ones the first found. Length 0 when no byte stands twice. */
export function longestRepeat(text: Uint8Array): Repeat {
  const count = min(text.length, MAX_BYTES);
  const best = new Repeat(0, 0, 0);
  // of the pair (first, second) that ends here: how many bytes before are the same
  const lengths = new StaticArray<i32>(count + 1);
  for (let second = 1; second < count; second++) {
    const byte = unchecked(text[second]);
    // from the back, because each place needs what the row before has at the place before it
    for (let first = second - 1; first >= 0; first--) {
      let length = 0;
      if (unchecked(text[first]) === byte) {
        length = min(unchecked(lengths[first]) + 1, second - first);
        if (length > best.length) {
          best.length = length;
          best.first = first - length + 1;
          best.second = second - length + 1;
        }
      }
      unchecked((lengths[first + 1] = length));
    }
  }
  return best;
}
