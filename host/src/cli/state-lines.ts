import type { CliOutput } from './cli-deps.js';
import { cut, printLine } from './print.js';

export interface NamedState {
  readonly name: string;
  readonly state: string;
  /** Said with the state: why, or what it is about. */
  readonly note?: string;
}

/** Longer notes are for the report at the end. */
const MAX_NOTE_LENGTH = 60;

/** Progress for people: one line for each state that is another than at the last look. What rests at the first look is not told. */
export class StateLines {
  readonly #output: CliOutput;
  readonly #resting: ReadonlySet<string>;
  readonly #last = new Map<string, string>();

  constructor(output: CliOutput, resting: readonly string[]) {
    this.#output = output;
    this.#resting = new Set(resting);
  }

  show(states: readonly NamedState[]): void {
    for (const { name, state, note } of states) {
      const before = this.#last.get(name);
      this.#last.set(name, state);
      if (before === state || (before === undefined && this.#resting.has(state))) continue;
      printLine(this.#output, `${name}: ${state}${note === undefined ? '' : ` (${cut(note, MAX_NOTE_LENGTH)})`}`);
    }
  }
}
