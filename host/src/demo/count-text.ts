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
  /** The longest passage that stands twice: how many bytes, and where the two begin. */
  readonly repeat: { readonly length: number; readonly first: number; readonly second: number };
}

const COUNTED = ['bytes', 'lines', 'words', 'headings', 'links'] as const;
const GUEST_NUMBERS = COUNTED.length + 3;

/** Counts in another way what `count-texts` counts, so that the two can be compared. */
export function countText(text: Buffer): TextCounts {
  // one character for each byte: blanks are meant as bytes, as the guest sees them
  const characters = text.toString('latin1');
  const lines = characters.split('\n');
  return {
    bytes: text.byteLength,
    lines: lines.length - 1,
    words: characters.split(/[\t-\r ]+/).filter((word) => word !== '').length,
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
  const [one, other] = [first, second].map((start) => text.subarray(start, start + length));
  const isThere = length <= second - first && other?.length === length && one?.equals(other) === true;
  return length === 0 || isThere ? undefined : `a passage of ${length} bytes is said to stand twice and does not`;
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
