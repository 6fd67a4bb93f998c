/** The bytes are not what the format says. Carries the offset at which that was noticed. */
export class MalformedModule extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

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

  take(length: number): Uint8Array {
    if (length > this.end - this.offset) throw new MalformedModule('a length reaches past the end', this.offset);
    const taken = this.bytes.subarray(this.offset, this.offset + length);
    this.offset += length;
    return taken;
  }

  name(): string {
    const start = this.offset;
    const bytes = this.take(this.u32());
    try {
      return utf8.decode(bytes);
    } catch {
      throw new MalformedModule('a name is not UTF-8', start);
    }
  }

  /** A view of the next `length` bytes, which are skipped here. */
  sub(length: number): ByteReader {
    const start = this.offset;
    this.take(length);
    return new ByteReader(this.bytes, start, start + length);
  }

  /** Reads a vector. Each element takes at least one byte, so a count beyond the rest is refused before any work. */
  vector<T>(element: (index: number) => T): T[] {
    const count = this.u32();
    if (count > this.end - this.offset) throw new MalformedModule('a vector is longer than its section', this.offset);
    return Array.from({ length: count }, (_, index) => element(index));
  }

  expectEnd(): void {
    if (!this.done) throw new MalformedModule('a section is longer than its content', this.offset);
  }
}
