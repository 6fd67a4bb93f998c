import type { BellowsError, ErrorDetail } from '@bellows/sdk';
import { type WorkflowErrorCode, workflowError } from '../errors.js';
import { NearestName } from './nearest-name.js';

/** More than anybody corrects in one go; a generated definition may have one fault in each of its 100,000 stages. */
const MAX_KEPT = 1_000;

export interface Fault extends ErrorDetail {
  /** Default `DEFINITION_INVALID`. */
  readonly code?: WorkflowErrorCode;
}

/** Collects everything that is wrong with one definition, so that all of it is told at once. */
export class Faults {
  readonly nearest = new NearestName();
  readonly #kept: ErrorDetail[] = [];
  readonly #codes = new Set<WorkflowErrorCode>();
  #stageNames: readonly (string | null)[] = [];
  #count = 0;

  /** From now on paths name the stage too: `stages[2] (charge).operation`. null where there is no name to go by. */
  nameStages(names: readonly (string | null)[]): void {
    this.#stageNames = names;
  }

  get count(): number {
    return this.#count;
  }

  add({ code = 'DEFINITION_INVALID', path, message, suggestion }: Fault): void {
    this.#count += 1;
    this.#codes.add(code);
    if (this.#kept.length < MAX_KEPT)
      this.#kept.push({ path: this.#placed(path), message, ...(suggestion === undefined ? {} : { suggestion }) });
  }

  /** A name that nobody has, with the nearest one that somebody has. */
  addUnknown(fault: Fault, name: string, known: Iterable<string>): void {
    const nearest = this.#count < MAX_KEPT ? this.nearest.find(name, known) : undefined;
    this.add(nearest === undefined ? fault : { ...fault, message: `${fault.message}; did you mean "${nearest}"?`, suggestion: nearest });
  }

  /** A key that nobody knows, with the nearest one or else all that there are: a form has few. */
  addUnknownKey(path: string, key: string, known: readonly string[]): void {
    const near = this.#count < MAX_KEPT ? this.nearest.find(key, known) : undefined;
    const hint = near !== undefined ? `; did you mean "${near}"?` : known.length > 0 ? `; known are ${known.join(', ')}` : '';
    this.add({ path, message: `is not known here${hint}`, ...(near === undefined ? {} : { suggestion: near }) });
  }

  /** One error for all: of the code they share, else `DEFINITION_INVALID`. Undefined when there are none. */
  error(what: string): BellowsError | undefined {
    const first = this.#kept[0];
    if (first === undefined) return undefined;
    const code = this.#codes.size === 1 ? [...this.#codes][0]! : 'DEFINITION_INVALID';
    const more = this.#count === 1 ? '' : ` (and ${this.#count - 1} more, see details)`;
    const left = this.#count - this.#kept.length;
    const details = left === 0 ? this.#kept : [...this.#kept, { path: '', message: `and ${left} more faults that are not listed` }];
    const place = first.path === '' ? '' : `${first.path}: `;
    return workflowError(code, `${what} cannot be used: ${place}${first.message}${more}`, { phase: 'validate', details });
  }

  #placed(path: string): string {
    const [start, index] = /^stages\[(\d+)\]/.exec(path) ?? [];
    const name = index === undefined ? null : (this.#stageNames[Number(index)] ?? null);
    return name === null ? path : `${start} (${name})${path.slice(start!.length)}`;
  }
}
