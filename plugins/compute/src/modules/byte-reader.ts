/** The bytes are not what the format says. Carries the offset at which that was noticed. */
export class MalformedModule extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** V8 takes no longer ones; a name goes into records, messages and answers. */
const MAX_NAME_BYTES = 100_000;

// A byte order mark is part of a name: without it, another name would be shown than V8 knows.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the primitives of the WebAssembly binary format between two offsets of one array.
 * Every read either stays inside and moves on, or throws `MalformedModule`; nothing else is ever thrown.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  u8(): number {
    const byte = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (byte === undefined) throw new MalformedModule('the bytes end too early', this.offset);
    this.offset += 1;
    return byte;
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      // The fifth byte holds the top four bits only.
      if (shift === 28 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedModule('a number has more than 32 bits', start);
  }

  skip(length: number): void {
    if (length > this.end - this.offset) throw new MalformedModule('a length reaches past the end', this.offset);
    this.offset += length;
  }

  take(length: number): Uint8Array {
    const start = this.offset;
    this.skip(length);
    return this.bytes.subarray(start, start + length);
  }

  name(): string {
    const start = this.offset;
    const length = this.u32();
    if (length > MAX_NAME_BYTES) throw new MalformedModule(`a name is longer than ${MAX_NAME_BYTES} bytes`, start);
    const bytes = this.take(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new MalformedModule('a name is not UTF-8', start);
    }
  }

  /** A view of the next `length` bytes, which are skipped here. */
  sub(length: number): ByteReader {
    const start = this.offset;
    this.skip(length);
    return new ByteReader(this.bytes, start, start + length);
  }

  /**
   * How many elements a vector has, of which at most `max` are taken. Each takes at least one byte, so a count beyond
   * the rest is refused before any work.
   */
  count(what: string, max: number): number {
    const start = this.offset;
    const count = this.u32();
    if (count > max) throw new MalformedModule(`there are ${count} ${what}, at most ${max} are taken`, start);
    if (count > this.end - this.offset) throw new MalformedModule('a vector is longer than its section', this.offset);
    return count;
  }

  vector<T>(what: string, max: number, element: () => T): T[] {
    return Array.from({ length: this.count(what, max) }, element);
  }

  expectEnd(): void {
    if (!this.done) throw new MalformedModule('a section is longer than its content', this.offset);
  }
}
