/** An entry of a {@link TimerHeap}. */
export interface TimerEntry {
  readonly run: number;
  readonly stage: number;
  readonly dueAt: number;
}

/** So small that an idle store costs nothing. */
const MIN_CAPACITY = 64;

/**
 * Times by (run, stage) with the earliest at hand: a binary heap and a hash table in typed arrays. 36 bytes an entry when full, 72 right after it grew;
 * shrinks again when three quarters are free. `set`, `delete` and `takeFirst` cost O(log n).
 */
export class TimerHeap {
  #capacity = 0;
  #size = 0;
  /** By entry; the number of an entry changes only when the arrays grow or shrink. */
  #dueAt = new Float64Array(0);
  #run = new Float64Array(0);
  #stage = new Int32Array(0);
  /** Place of an entry in the heap; of a free entry the next free one, -1 for none. */
  #place = new Int32Array(0);
  /** Entries in the order of a binary heap. */
  #heap = new Int32Array(0);
  /** Entry + 1 by hash of (run, stage), 0 where there is none; open addressing, at most half full. */
  #table = new Int32Array(0);
  #free = -1;

  constructor() {
    this.#resize(MIN_CAPACITY);
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of all arrays. */
  get memoryBytes(): number {
    return [this.#dueAt, this.#run, this.#stage, this.#place, this.#heap, this.#table].reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** `Infinity` when empty. */
  get firstDueAt(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#dueAt[this.#heap[0] as number] as number);
  }

  /** Adds the time, or moves the one that is there. */
  set(run: number, stage: number, dueAt: number): void {
    const known = this.#table[this.#slotOf(run, stage)] as number;
    const entry = known > 0 ? known - 1 : this.#insert(run, stage);
    this.#dueAt[entry] = dueAt;
    this.#settle(entry);
  }

  /** False when there was none. */
  delete(run: number, stage: number): boolean {
    const slot = this.#slotOf(run, stage);
    const found = this.#table[slot] as number;
    if (found === 0) return false;
    this.#remove(found - 1, slot);
    return true;
  }

  /** The earliest, which is then gone; of equal times any. */
  takeFirst(): TimerEntry | null {
    if (this.#size === 0) return null;
    const entry = this.#heap[0] as number;
    const taken = { run: this.#run[entry] as number, stage: this.#stage[entry] as number, dueAt: this.#dueAt[entry] as number };
    this.#remove(entry, this.#slotOf(taken.run, taken.stage));
    return taken;
  }

  #insert(run: number, stage: number): number {
    if (this.#size === this.#capacity) this.#resize(2 * this.#capacity);
    const entry = this.#free;
    this.#free = this.#place[entry] as number;
    this.#run[entry] = run;
    this.#stage[entry] = stage;
    this.#table[this.#slotOf(run, stage)] = entry + 1;
    this.#putAt(this.#size, entry);
    this.#size += 1;
    return entry;
  }

  #remove(entry: number, slot: number): void {
    const place = this.#place[entry] as number;
    this.#size -= 1;
    const moved = this.#heap[this.#size] as number;
    if (moved !== entry) {
      this.#putAt(place, moved);
      this.#settle(moved);
    }
    this.#clearSlot(slot);
    this.#place[entry] = this.#free;
    this.#free = entry;
    if (this.#capacity > MIN_CAPACITY && this.#size < this.#capacity / 4) this.#resize(this.#capacity / 2);
  }

  /** Moves an entry up or down to where its time belongs. */
  #settle(entry: number): void {
    const dueAt = this.#dueAt[entry] as number;
    let place = this.#place[entry] as number;
    for (let parent = (place - 1) >> 1; place > 0 && dueAt < this.#dueAtOf(parent); parent = (place - 1) >> 1) {
      this.#putAt(place, this.#heap[parent] as number);
      place = parent;
    }
    for (let child = 2 * place + 1; child < this.#size; child = 2 * place + 1) {
      if (child + 1 < this.#size && this.#dueAtOf(child + 1) < this.#dueAtOf(child)) child += 1;
      if (dueAt <= this.#dueAtOf(child)) break;
      this.#putAt(place, this.#heap[child] as number);
      place = child;
    }
    this.#putAt(place, entry);
  }

  #dueAtOf(place: number): number {
    return this.#dueAt[this.#heap[place] as number] as number;
  }

  #putAt(place: number, entry: number): void {
    this.#heap[place] = entry;
    this.#place[entry] = place;
  }

  /** Where (run, stage) is in the table, or the free slot where it would be. */
  #slotOf(run: number, stage: number): number {
    const mask = this.#table.length - 1;
    let slot = hash(run, stage) & mask;
    for (let found = this.#table[slot] as number; found !== 0; found = this.#table[slot] as number) {
      if (this.#run[found - 1] === run && this.#stage[found - 1] === stage) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Closes the gap, so that a search that went past it still finds what it looks for. */
  #clearSlot(start: number): void {
    const mask = this.#table.length - 1;
    let gap = start;
    for (let slot = (gap + 1) & mask; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = (this.#table[slot] as number) - 1;
      const home = hash(this.#run[entry] as number, this.#stage[entry] as number) & mask;
      // may stay when its home lies behind the gap
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      this.#table[gap] = entry + 1;
      gap = slot;
    }
    this.#table[gap] = 0;
  }

  /** Into new arrays; entries are numbered by their place in the heap. */
  #resize(capacity: number): void {
    const old = { dueAt: this.#dueAt, run: this.#run, stage: this.#stage, heap: this.#heap };
    this.#capacity = capacity;
    this.#dueAt = new Float64Array(capacity);
    this.#run = new Float64Array(capacity);
    this.#stage = new Int32Array(capacity);
    this.#place = new Int32Array(capacity);
    this.#heap = new Int32Array(capacity);
    this.#table = new Int32Array(2 * capacity);
    for (let entry = 0; entry < this.#size; entry += 1) {
      const from = old.heap[entry] as number;
      this.#dueAt[entry] = old.dueAt[from] as number;
      this.#run[entry] = old.run[from] as number;
      this.#stage[entry] = old.stage[from] as number;
      this.#putAt(entry, entry);
      this.#table[this.#slotOf(this.#run[entry] as number, this.#stage[entry] as number)] = entry + 1;
    }
    for (let entry = this.#size; entry < capacity; entry += 1) this.#place[entry] = entry + 1 < capacity ? entry + 1 : -1;
    this.#free = this.#size < capacity ? this.#size : -1;
  }
}

/** Spreads neighbours evenly (the finishing steps of MurmurHash3). */
function hash(run: number, stage: number): number {
  let mixed = (run | 0) ^ Math.imul((run / 2 ** 32) | 0, 0x9e3779b1) ^ Math.imul(stage, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
