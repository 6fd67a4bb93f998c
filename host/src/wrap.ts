/** What says how wide it is, if it is a terminal. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  /** Characters in a line. */
  readonly columns?: number | undefined;
}

/** A terminal that does not say how wide it is. */
const COLUMNS = 80;
/** Narrower ones are left to break lines themselves. */
const LEAST_COLUMNS = 40;

/** Characters in a line of a terminal; a file or a pipe has no end of the line. */
export function columnsOf({ isTTY, columns }: Screen): number {
  if (!isTTY) return Number.POSITIVE_INFINITY;
  return columns === undefined || columns <= 0 ? COLUMNS : Math.max(LEAST_COLUMNS, columns);
}

/** Lines of at most so many characters, broken at blanks, and within a word only where it is longer than a line. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(' ', width);
    // A line of indentation only would not get shorter.
    const isBlankUsable = blank > 0 && rest.slice(0, blank).trim() !== '';
    const end = isBlankUsable ? blank : wordEnd(rest, Math.max(1, width));
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  if (rest !== '' || lines.length === 0) lines.push(rest);
  return lines;
}

/** Where a word may be broken: never between the two halves of one character. */
function wordEnd(text: string, at: number): number {
  const isInside = /[\uD800-\uDBFF]/.test(text.charAt(at - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(at));
  return isInside ? at + 1 : at;
}

/** The first line as it is, those after it under its text. */
export function hang(text: string, { columns, indent }: { readonly columns: number; readonly indent: string }): string {
  const [first = '', ...more] = wrapHanging(text, columns, indent.length);
  return [first, ...more.map((line) => indent + line)].join('\n');
}

function wrapHanging(text: string, columns: number, indent: number): readonly string[] {
  const [first = ''] = wrap(text, columns);
  const rest = text.slice(first.length).trimStart();
  return rest === '' ? [first] : [first, ...wrap(rest, columns - indent)];
}
