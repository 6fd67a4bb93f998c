/** A first-in first-out queue over an array that is made when needed, doubles, and is let go when a large one runs empty. */
export class Ring<T> {
  #slots: (T | undefined)[] | undefined;
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    const slots = this.#withRoom();
    slots[(this.#head + this.#length) & (slots.length - 1)] = item;
    this.#length += 1;
  }

  /** The oldest, without removing it. */
  peek(): T | undefined {
    return this.#slots?.[this.#head];
  }

  shift(): T | undefined {
    const slots = this.#slots;
    if (slots === undefined || this.#length === 0) return undefined;
    const item = slots[this.#head];
    slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (slots.length - 1);
    this.#length -= 1;
    if (this.#length === 0 && slots.length > KEPT_SLOTS) this.clear();
    return item;
  }

  /** Puts `item` in the place of the `index`th oldest and answers what was there. `index` must be below `length`. */
  replace(index: number, item: T): T | undefined {
    const slots = this.#slots;
    if (slots === undefined || index < 0 || index >= this.#length) return undefined;
    const at = (this.#head + index) & (slots.length - 1);
    const before = slots[at];
    slots[at] = item;
    return before;
  }

  clear(): void {
    this.#slots = undefined;
    this.#head = 0;
    this.#length = 0;
  }

  #withRoom(): (T | undefined)[] {
    if (this.#slots === undefined) return (this.#slots = new Array(FIRST_SLOTS).fill(undefined));
    if (this.#length < this.#slots.length) return this.#slots;
    const grown: (T | undefined)[] = new Array(this.#slots.length * 2).fill(undefined);
    for (let index = 0; index < this.#length; index += 1) grown[index] = this.#slots[(this.#head + index) & (this.#slots.length - 1)];
    this.#head = 0;
    return (this.#slots = grown);
  }
}

/** Powers of two: places are found with a mask. 16 slots are 128 bytes; a burst's larger array is not kept for ever. */
const FIRST_SLOTS = 16;
const KEPT_SLOTS = 64;
