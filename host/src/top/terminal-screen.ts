import type { Style, StyledLine } from './styled-line.js';

export interface ScreenOutput {
  write(text: string): unknown;
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';
const STYLES: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '\u001b[1m',
  dim: '\u001b[2m',
  good: '\u001b[32m',
  attention: '\u001b[33m',
  bad: '\u001b[31m',
  selected: '\u001b[7m',
};
/** What is told by colour alone needs no other sign without colours: the words are there. */
const COLOURS: ReadonlySet<Style> = new Set(['good', 'attention', 'bad']);

/** The alternate screen of a terminal. What was there before comes back with `leave`, which may be called twice and before `enter`. */
export class TerminalScreen {
  readonly #output: ScreenOutput;
  readonly #hasColours: boolean;
  #isOpen = false;
  #shown: readonly string[] = [];

  constructor(output: ScreenOutput, { hasColours }: { readonly hasColours: boolean }) {
    this.#output = output;
    this.#hasColours = hasColours;
  }

  enter(): void {
    this.#isOpen = true;
    this.#output.write(ENTER);
  }

  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.write(LEAVE);
  }

  /** Writes only the lines that changed. */
  draw(lines: readonly StyledLine[]): void {
    if (!this.#isOpen) return;
    const next = lines.map((line) => this.#painted(line));
    const changes = next.flatMap((line, row) => (line === this.#shown[row] ? [] : [`\u001b[${row + 1};1H\u001b[2K${line}`]));
    if (next.length < this.#shown.length) changes.push(`\u001b[${next.length + 1};1H\u001b[J`);
    this.#shown = next;
    if (changes.length > 0) this.#output.write(changes.join(''));
  }

  /** Forgets what is shown: the terminal has another size now and has moved its lines. */
  clear(): void {
    this.#shown = [];
    if (this.#isOpen) this.#output.write('\u001b[2J');
  }

  #painted(line: StyledLine): string {
    const paint = ({ text, style }: StyledLine[number]) => {
      const code = !this.#hasColours && COLOURS.has(style) ? '' : STYLES[style];
      return code === '' ? text : `${code}${text}\u001b[0m`;
    };
    return line.map(paint).join('');
  }
}
