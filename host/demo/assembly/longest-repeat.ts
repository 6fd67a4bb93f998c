/** A passage that stands twice: how many words, and the numbers of the words at which the two begin. */
export class Repeat {
  constructor(
    public length: i32,
    public first: i32,
    public second: i32,
  ) {}
}

/** Words after these are not looked at: every word is compared with every other. */
const MAX_WORDS: i32 = 6000;

/** The longest one whose two places do not overlap; of equally long ones the first found. Length 0 when no word stands twice. */
export function longestRepeat(words: u64[]): Repeat {
  const count = min(words.length, MAX_WORDS);
  const best = new Repeat(0, 0, 0);
  // of the pair (first, second) that ends here: how many words before are the same
  const lengths = new StaticArray<i32>(count + 1);
  for (let second = 1; second < count; second++) {
    const word = unchecked(words[second]);
    // from the back, because each place needs what the row before has at the place before it
    for (let first = second - 1; first >= 0; first--) {
      let length = 0;
      if (unchecked(words[first]) === word) {
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
