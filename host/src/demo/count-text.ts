/** What is known of one text. */
export interface TextCounts {
  readonly bytes: number;
  readonly lines: number;
  readonly words: number;
  readonly headings: number;
  readonly links: number;
}

/** What the program in WebAssembly answers for one text. */
export interface GuestCounts extends TextCounts {
  /** The longest passage that stands twice: how many words, and the numbers of the words at which the two begin. */
  readonly repeat: { readonly length: number; readonly first: number; readonly second: number };
}

const COUNTED = ['bytes', 'lines', 'words', 'headings', 'links'] as const;
const GUEST_NUMBERS = COUNTED.length + 3;

/** Counts in another way what `count-texts` counts, so that the two can be compared. */
export function countText(text: Buffer): TextCounts {
  const characters = bytesAsCharacters(text);
  const lines = characters.split('\n');
  return {
    bytes: text.byteLength,
    lines: lines.length - 1,
    words: wordsOf(characters).length,
    headings: headingsOf(lines),
    links: characters.split('](').length - 1,
  };
}

/** Throws when the line is none of `count-texts`. */
export function parseGuestCounts(line: string): GuestCounts {
  const numbers = line.split(' ').map(Number);
  if (numbers.length !== GUEST_NUMBERS || !numbers.every(Number.isSafeInteger)) {
    throw new Error(`count-texts answered ${JSON.stringify(line.slice(0, 200))} instead of ${GUEST_NUMBERS} numbers`);
  }
  const [bytes = 0, lines = 0, words = 0, headings = 0, links = 0, length = 0, first = 0, second = 0] = numbers;
  return { bytes, lines, words, headings, links, repeat: { length, first, second } };
}

/** Says what is wrong with the answer of the guest; undefined when it fits. The passage it names must really stand twice. */
export function differenceOf(guest: GuestCounts, text: Buffer): string | undefined {
  const counts = countText(text);
  const wrong = COUNTED.find((name) => guest[name] !== counts[name]);
  if (wrong) return `${guest[wrong]} ${wrong} by WebAssembly, ${counts[wrong]} by JavaScript`;
  const { length, first, second } = guest.repeat;
  const words = wordsOf(bytesAsCharacters(text));
  const one = words.slice(first, first + length);
  const other = words.slice(second, second + length);
  const isThere = length <= second - first && other.length === length && one.every((word, index) => word === other[index]);
  return length === 0 || isThere ? undefined : `a passage of ${length} words is said to stand twice and does not`;
}

/** One character for each byte: blanks are meant as bytes, as the guest sees them. */
function bytesAsCharacters(text: Buffer): string {
  return text.toString('latin1');
}

function wordsOf(characters: string): readonly string[] {
  return characters.split(/[\t-\r ]+/).filter((word) => word !== '');
}

function headingsOf(lines: readonly string[]): number {
  let isCode = false;
  let headings = 0;
  for (const line of lines) {
    if (line.startsWith('```')) isCode = !isCode;
    else if (!isCode && /^#{1,6} /.test(line)) headings += 1;
  }
  return headings;
}
