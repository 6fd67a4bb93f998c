/** As many digits at the start of a key say whose it is; 64 bits, so that nobody finds himself in the share of another. */
export const SHARE_DIGITS = 16;

export interface AnswerRoom {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

interface Share {
  /** Oldest first. */
  readonly keys: Set<string>;
  bytes: number;
}

/** What each tenant has of the kept answers, and whose go when there are too many: who keeps much must not push out the few of others. */
export class AnswerShares {
  readonly #shares = new Map<string, Share>();
  #entries = 0;
  #bytes = 0;

  add(key: string, bytes: number): void {
    const name = key.slice(0, SHARE_DIGITS);
    let share = this.#shares.get(name);
    if (!share) this.#shares.set(name, (share = { keys: new Set(), bytes: 0 }));
    share.keys.add(key);
    this.#count(share, 1, bytes);
  }

  remove(key: string, bytes: number): void {
    const name = key.slice(0, SHARE_DIGITS);
    const share = this.#shares.get(name);
    if (!share?.keys.delete(key)) return;
    this.#count(share, -1, -bytes);
    if (share.keys.size === 0) this.#shares.delete(name);
  }

  /** Of the tenant that has most the oldest, but never `newest`: somebody is about to be told that it is kept. Undefined when all fit. */
  nextToGo(room: AnswerRoom, newest: string | undefined): string | undefined {
    if (this.#entries <= room.maxEntries && this.#bytes <= room.maxBytes) return undefined;
    let most = 0;
    let next: string | undefined;
    for (const { keys, bytes } of this.#shares.values()) {
      const used = Math.max(keys.size / room.maxEntries, bytes / room.maxBytes);
      const [oldest] = keys;
      if (used <= most || oldest === newest) continue;
      most = used;
      next = oldest;
    }
    return next;
  }

  #count(share: Share, entries: 1 | -1, bytes: number): void {
    this.#entries += entries;
    this.#bytes += bytes;
    share.bytes += bytes;
  }
}
