import type { Readable } from 'node:stream';
import type { CancelTimer, IClock } from '@bellows/sdk';
import { atMost } from './at-most.js';
import { CutFile } from './cut-file.js';
import { printableTail } from './printable.js';

export interface OutputOptions {
  readonly logFile: string;
  readonly maxBytes: number;
  readonly clock: IClock;
}

const TAIL_BYTES = 4 * 1024;
/** More than the tail, because what terminals take as commands is removed from it. */
const RAW_TAIL_BYTES = 4 * TAIL_BYTES;

/** Reading stops at the former and starts again below it; two pipes may bring one more piece of 64 KiB each. */
const PAUSE_AT_BYTES = 96 * 1024;
const MAX_WAITING_BYTES = 256 * 1024;

/** A disk that takes nothing for so long must not stop the program that writes: what comes then is dropped. */
const STUCK_AFTER_MS = 5_000;

/**
 * Reads what a program writes, at the pace of the disk, into a log that is cut in the middle; memory is bounded for any amount. A
 * disk that fails or hangs never holds up the program: then the log ends early, and `fault` says so.
 */
export class CommandOutput {
  readonly #clock: IClock;
  readonly #file: CutFile | null;
  readonly #streams: Readable[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | null = null;
  #cancelStuck: CancelTimer | null = null;
  #isStuck = false;
  #droppedBytes = 0;
  #rawTail: Buffer = Buffer.alloc(0);
  #fault: string | undefined;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  private constructor(clock: IClock, file: CutFile | null, fault: string | undefined) {
    this.#clock = clock;
    this.#file = file;
    this.#fault = fault;
  }

  /** Never rejects: a log that cannot be made is a fault. */
  static async open({ logFile, maxBytes, clock }: OutputOptions): Promise<CommandOutput> {
    try {
      return new CommandOutput(clock, await CutFile.open(logFile, maxBytes), undefined);
    } catch (error) {
      return new CommandOutput(clock, null, `no log: ${(error as Error).message}`);
    }
  }

  /** Why the log is not whole; undefined when it is. */
  get fault(): string | undefined {
    if (this.#fault !== undefined || this.#droppedBytes === 0) return this.#fault;
    return `the disk was too slow: ${this.#droppedBytes} bytes are not in the log`;
  }

  /** On the monotonic clock; -Infinity before the first byte. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  /** What waits for the disk. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The last 4 KiB, printable. */
  get tail(): string {
    return printableTail(this.#rawTail, TAIL_BYTES);
  }

  /** Begins to read. A stream that fails is one that ends. */
  read(stream: Readable): void {
    this.#streams.push(stream);
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => this.#take(piece));
  }

  /** Resolves when all streams have ended or `graceMs` is over; they are closed then, and the log is as it stays. Once. Never rejects. */
  async finish(graceMs: number): Promise<void> {
    const ends = this.#streams.map((stream) => (stream.closed ? null : new Promise((resolve) => stream.once('close', resolve))));
    await atMost(this.#clock, graceMs, Promise.all(ends));
    if (this.#streams.some((stream) => !stream.destroyed && stream.isPaused())) {
      // the end of the output counts more than what the disk is still to take
      this.#isStuck = true;
      this.#resume();
      await atMost(this.#clock, graceMs, Promise.all(ends));
    }
    for (const stream of this.#streams) stream.destroy();
    this.#cancelStuck?.();
    await atMost(this.#clock, STUCK_AFTER_MS, this.#closeFile());
  }

  async #closeFile(): Promise<void> {
    await this.#writing;
    await this.#file?.close().catch((error: Error) => this.#fail(error));
  }

  #take(piece: Buffer): void {
    this.#lastAtMs = this.#clock.monotonicMs();
    const kept = this.#rawTail.subarray(Math.max(0, this.#rawTail.length + piece.length - RAW_TAIL_BYTES));
    this.#rawTail = Buffer.concat([kept, piece.subarray(Math.max(0, piece.length - RAW_TAIL_BYTES))]);
    if (this.#file === null || this.#fault !== undefined) return;
    if (this.#waitingBytes + piece.length > MAX_WAITING_BYTES) {
      this.#droppedBytes += piece.length;
      return;
    }
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
    this.#writing ??= this.#write(this.#file);
    if (this.#waitingBytes >= PAUSE_AT_BYTES && !this.#isStuck) this.#pause();
  }

  async #write(file: CutFile): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const pieces = this.#waiting;
        this.#waiting = [];
        const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
        await file.write(bytes);
        this.#waitingBytes -= bytes.length;
        this.#isStuck = false;
        if (this.#waitingBytes < PAUSE_AT_BYTES) this.#resume();
      }
    } catch (error) {
      this.#fail(error as Error);
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#resume();
    }
    this.#writing = null;
  }

  #pause(): void {
    for (const stream of this.#streams) stream.pause();
    this.#cancelStuck ??= this.#clock.setTimer(STUCK_AFTER_MS, () => {
      this.#isStuck = true;
      this.#resume();
    });
  }

  #resume(): void {
    this.#cancelStuck?.();
    this.#cancelStuck = null;
    for (const stream of this.#streams) if (!stream.destroyed) stream.resume();
  }

  #fail(error: Error): void {
    this.#fault ??= `the log ends early: ${error.message}`;
  }
}
