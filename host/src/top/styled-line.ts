export type Style = 'plain' | 'bold' | 'dim' | 'good' | 'attention' | 'bad' | 'selected';

/** A piece of a line in one style. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** One line of the screen; never wider than it was made for. */
export type StyledLine = readonly Span[];

export function span(text: string, style: Style = 'plain'): Span {
  return { text, style };
}

/** The spans, cut where the screen ends; what a host sent is made harmless here. */
export function styledLine(width: number, spans: readonly Span[]): StyledLine {
  const line: Span[] = [];
  let room = width;
  for (const { text, style } of spans) {
    const fitted = cutToWidth(harmless(text), room);
    room -= widthOf(fitted);
    if (fitted !== '') line.push({ text: fitted, style });
  }
  return line;
}

export function textOf(line: StyledLine): string {
  return line.map(({ text }) => text).join('');
}

/** Without what moves the cursor, turns the direction of writing, or hides: a terminal must show a name as one. */
export function harmless(text: string): string {
  return text.replace(/[\t\n\r]/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
}

/** Columns a terminal needs at most; of signs that terminals disagree about, the larger number. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** The first sign beyond the scripts that are one column wide everywhere. */
const WIDE_FROM = 0x1100;
/** Punctuation, arrows, boxes and blocks: narrow, but for the pictures among them. */
const SIGNS_FROM = 0x2000;
const SIGNS_TO = 0x2bff;

function widthOfCharacter(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < WIDE_FROM) return 1;
  return code >= SIGNS_FROM && code <= SIGNS_TO && !/\p{Emoji_Presentation}/u.test(character) ? 1 : 2;
}

/** At most so many columns; a cut text ends with a sign for it. */
export function cutToWidth(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return '';
  let kept = '';
  let room = width - 1;
  for (const character of text) {
    room -= widthOfCharacter(character);
    if (room < 0) break;
    kept += character;
  }
  return `${kept}~`;
}

/** Exactly so many columns. */
export function padToWidth(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutToWidth(text, width);
  const blanks = ' '.repeat(Math.max(0, width - widthOf(cut)));
  return align === 'left' ? cut + blanks : blanks + cut;
}
