/**
 * What a topic published lately, kept once for all who follow it, instead of in a queue for each. It holds what its slowest follower has yet
 * to take, up to 32 items more, and nothing while nobody follows.
 */
export class TopicLog<T> {
  #last: Chunk<T> | undefined;
  #length = 0;
  #followers = 0;

  /** How many items were ever appended. */
  get length(): number {
    return this.#length;
  }

  get followers(): number {
    return this.#followers;
  }

  append(item: T): void {
    let last = this.#last;
    if (last === undefined || this.#length - last.from === CHUNK_SLOTS) last = this.#addChunk();
    last.slots[this.#length - last.from] = item;
    this.#length += 1;
  }

  /** For cursors: one more follows from the item appended last. Answers where that is. */
  joined(): Chunk<T> {
    this.#followers += 1;
    return this.#last as Chunk<T>;
  }

  /** For cursors: one less. */
  left(): void {
    this.#followers -= 1;
    if (this.#followers === 0) this.#last = undefined;
  }

  #addChunk(): Chunk<T> {
    const chunk: Chunk<T> = { from: this.#length, slots: new Array(CHUNK_SLOTS), next: undefined };
    if (this.#last !== undefined) this.#last.next = chunk;
    this.#last = chunk;
    return chunk;
  }
}

/**
 * A follower's place in a log: what it has yet to take is kept alive by this, and by nothing else. At the end of a stack each call may fail,
 * and then it has changed nothing.
 */
export class LogCursor<T> {
  readonly #log: TopicLog<T>;
  #chunk: Chunk<T> | undefined;
  #at = 0;

  constructor(log: TopicLog<T>) {
    this.#log = log;
  }

  get isFollowing(): boolean {
    return this.#chunk !== undefined;
  }

  /** The `length` that the log had when the next item to take was about to be appended. */
  get at(): number {
    return this.#at;
  }

  /** How many items are to be taken. */
  get depth(): number {
    return this.#chunk === undefined ? 0 : this.#log.length - this.#at;
  }

  /** Follows from `item` on, which is appended unless others follow: then it is what was appended last. Not while following. */
  begin(item: T): void {
    const log = this.#log;
    if (log.followers === 0) log.append(item);
    const at = log.length - 1;
    // last: what was counted as a follower must be one
    this.#chunk = log.joined();
    this.#at = at;
  }

  /** All that is to be taken, which stays so. */
  *waiting(): Generator<T, void> {
    let chunk = this.#chunk as Chunk<T>;
    for (let at = this.#at; at < this.#log.length; at += 1) {
      if (at - chunk.from === CHUNK_SLOTS) chunk = chunk.next as Chunk<T>;
      yield chunk.slots[at - chunk.from] as T;
    }
  }

  /** The next item; only while `depth` is more than 0. */
  take(): T {
    let chunk = this.#chunk as Chunk<T>;
    if (this.#at - chunk.from === CHUNK_SLOTS) this.#chunk = chunk = chunk.next as Chunk<T>;
    const item = chunk.slots[this.#at - chunk.from] as T;
    this.#at += 1;
    return item;
  }

  /** Nothing happens when it does not follow. */
  end(): void {
    if (this.#chunk === undefined) return;
    this.#log.left();
    this.#chunk = undefined;
  }
}

interface Chunk<T> {
  /** The length of the log when it was added. */
  readonly from: number;
  readonly slots: T[];
  next: Chunk<T> | undefined;
}

/** Few enough that what is kept beyond need is small, enough that adding a chunk hardly counts. */
const CHUNK_SLOTS = 32;
