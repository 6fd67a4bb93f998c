/** One line of a chart, oldest first; null where nothing was known. */
export interface Series {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly values: ReadonlyMap<string, readonly (number | null)[]>;
}

/** What was read at one moment, by name. */
export interface Row {
  readonly atSeconds: number;
  readonly values: ReadonlyMap<string, number>;
}

/** Readings at the same moments of as many names as there are, in memory that does not grow: the oldest give way. */
export class SeriesRing {
  readonly #capacity: number;
  readonly #times: Float64Array;
  readonly #columns = new Map<string, Float64Array>();
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#times = new Float64Array(capacity);
  }

  get length(): number {
    return Math.min(this.#count, this.#capacity);
  }

  /** Names that are not given have a gap; names that have nothing but gaps are forgotten. */
  add(atSeconds: number, values: ReadonlyMap<string, number>): void {
    const at = this.#count % this.#capacity;
    this.#times[at] = atSeconds;
    for (const name of values.keys()) {
      if (!this.#columns.has(name)) this.#columns.set(name, new Float64Array(this.#capacity).fill(Number.NaN));
    }
    for (const [name, column] of this.#columns) column[at] = values.get(name) ?? Number.NaN;
    this.#count += 1;
    if (at === this.#capacity - 1) this.#forget();
  }

  /** Puts rows of before, oldest first, in front of the first reading that is known; of those that are no older than it, none. */
  addBefore(rows: readonly Row[]): void {
    const { times, values } = fromFirstKnown(this.read(this.names));
    const kept = times.map((atSeconds, index) => ({ atSeconds, values: rowOf(values, index) }));
    const before = rows.filter(({ atSeconds }) => atSeconds < (kept[0]?.atSeconds ?? Number.POSITIVE_INFINITY));
    if (before.length === 0) return;
    this.#count = 0;
    this.#columns.clear();
    for (const row of [...before, ...kept]) this.add(row.atSeconds, row.values);
  }

  read(names: readonly string[]): Series {
    const order = this.#order();
    const values = names.map((name): [string, (number | null)[]] => {
      const column = this.#columns.get(name);
      return [name, order.map((at) => known(column?.[at]))];
    });
    return { times: order.map((at) => this.#times[at] ?? 0), values: new Map(values) };
  }

  get names(): readonly string[] {
    return [...this.#columns.keys()];
  }

  #order(): number[] {
    const first = Math.max(0, this.#count - this.#capacity);
    return Array.from({ length: this.length }, (_, index) => (first + index) % this.#capacity);
  }

  #forget(): void {
    for (const [name, column] of this.#columns) if (column.every(Number.isNaN)) this.#columns.delete(name);
  }
}

/** Without the moments before anything was known. */
export function fromFirstKnown({ times, values }: Series): Series {
  const columns = [...values.values()];
  const first = times.findIndex((_, index) => columns.some((column) => column[index] !== null));
  const from = first === -1 ? times.length : first;
  return { times: times.slice(from), values: new Map([...values].map(([name, column]) => [name, column.slice(from)])) };
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function rowOf(values: Series['values'], index: number): Map<string, number> {
  const row = new Map<string, number>();
  for (const [name, column] of values) {
    const value = column[index];
    if (value !== null && value !== undefined) row.set(name, value);
  }
  return row;
}
