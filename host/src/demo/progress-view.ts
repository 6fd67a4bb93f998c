import type { IClock } from '@bellows/sdk';
import type { CliOutput } from '../cli/cli-deps.js';
import { cut, plain } from '../cli/print.js';
import { columnsOf } from '../wrap.js';
import type { DemoPart } from './demo-report.js';

/** What is shown of one subsystem. */
export interface PartState {
  readonly part: DemoPart;
  /** What its work has come to: `1,204 of 3,000 texts`. */
  readonly work: string;
  readonly inUse: number;
  /** What the subsystem allows itself now. */
  readonly limit: number;
  /** What the governor allows it. */
  readonly ceiling: number;
}

/** Where nothing is redrawn, lines must not come faster than one reads. */
const PLAIN_PERIOD_MS = 3_000;
const NAME_WIDTH = 9;
const LIMIT_WIDTH = 28;

/**
 * Progress for people. On a terminal the last lines are redrawn; elsewhere, or where `TERM` is dumb, a line is written now and then.
 * Uses no colours.
 */
export class ProgressView {
  readonly #output: CliOutput;
  readonly #clock: IClock;
  readonly #isRedrawn: boolean;
  readonly #startedAt: number;
  #drawn = 0;
  #lastPlainAt = Number.NEGATIVE_INFINITY;

  constructor(output: CliOutput, { clock, env }: { readonly clock: IClock; readonly env: Readonly<Record<string, string | undefined>> }) {
    this.#output = output;
    this.#clock = clock;
    this.#isRedrawn = output.isTTY === true && env.TERM !== 'dumb';
    this.#startedAt = clock.monotonicMs();
  }

  /** A line that stays. */
  say(text: string): void {
    this.#erase();
    for (const line of text.split('\n')) this.#output.write(`${plain(line)}\n`);
  }

  /** The state of all parts; may be called as often as there is news. */
  show(parts: readonly PartState[]): void {
    if (this.#isRedrawn) this.#redraw(parts.map(wideLine));
    else this.#writePlain(parts);
  }

  /** Takes away what is redrawn, so that a summary can follow. Anything may be said or shown afterwards. */
  clear(): void {
    this.#erase();
  }

  #redraw(lines: readonly string[]): void {
    this.#erase();
    // a line that is broken by the terminal would not be erased as one
    const room = columnsOf(this.#output) - 1;
    for (const line of lines) this.#output.write(`${cut(plain(line), room)}\n`);
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }

  #writePlain(parts: readonly PartState[]): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#lastPlainAt < PLAIN_PERIOD_MS) return;
    this.#lastPlainAt = now;
    const seconds = Math.round((now - this.#startedAt) / 1_000);
    const said = parts.map(({ part, work, inUse, limit, ceiling }) => `${part} ${work} (${inUse} of ${limit} running, ceiling ${ceiling})`);
    this.#output.write(`${plain(`${String(seconds).padStart(3)} s  ${said.join(' | ')}`)}\n`);
  }
}

/** The short numbers first: what does not fit is cut off at the end. */
function wideLine({ part, work, inUse, limit, ceiling }: PartState): string {
  return `  ${part.padEnd(NAME_WIDTH)} ${`${inUse} of ${limit} running, ceiling ${ceiling}`.padEnd(LIMIT_WIDTH)}  ${work}`;
}
