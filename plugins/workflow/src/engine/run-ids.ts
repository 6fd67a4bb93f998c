import { hash } from 'node:crypto';
import type { IClock, IRandom } from '@bellows/sdk';

const TIME_DIGITS = 9;
const RANDOM_DIGITS = 4;
const RANDOM_RANGE = 32 ** RANDOM_DIGITS;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** What an id given by a caller may be. No `/`: it separates a run from its children. */
export const RUN_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:@~-]{0,199}$/;

/** Makes ids that sort by time: ms since 1970, a count within the ms, and chance, in 32 letters and digits. */
export class RunIds {
  readonly #clock: Pick<IClock, 'now'>;
  readonly #random: IRandom;
  #last = 0;
  #count = 0;
  #prefix = '';

  constructor(clock: Pick<IClock, 'now'>, random: IRandom) {
    this.#clock = clock;
    this.#random = random;
  }

  next(): string {
    // a wall clock that is set back must not make an id that was there
    const now = Math.max(this.#last, Math.floor(this.#clock.now()));
    if (now !== this.#last) {
      this.#last = now;
      this.#count = 0;
      this.#prefix = digits(now, TIME_DIGITS);
    }
    this.#count += 1;
    return `${this.#prefix}${digits(this.#count, RANDOM_DIGITS)}${this.#chance()}${this.#chance()}${this.#chance()}`;
  }

  #chance(): string {
    return digits(Math.floor(this.#random.next() * RANDOM_RANGE), RANDOM_DIGITS);
  }
}

/** The id that stands for an idempotency key: of a tenant's own, and of letters a run id may have. */
export function idOfKey(tenant: string, key: string): string {
  return `key-${hash('sha256', JSON.stringify([tenant, key])).slice(0, 40)}`;
}

function digits(value: number, count: number): string {
  let text = '';
  for (let left = value, n = 0; n < count; n += 1) {
    text = ALPHABET[left % 32] + text;
    left = Math.floor(left / 32);
  }
  return text;
}
