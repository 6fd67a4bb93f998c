import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { corruptError } from '../sqlite-error.js';
import { checksum } from '../store-checksum.js';
import type { StreamHead } from './sqlite-protocol.js';

/** A value beside its path, or where its pieces are. */
export type FoundValue = { readonly data: Uint8Array<ArrayBuffer> } | StreamHead;

const NOTHING = new Uint8Array();
/** Pieces of one stream have ids in a row: 2^20 of them, which makes 1 TiB, in each of 2^33 streams. */
const PIECES_PER_STREAM = 2 ** 20;

/** What stands in the file, each answer checked: a value that is not what was written is `STORE_CORRUPT`, and so is one that only one tree knows. */
export class ValueReader {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #find: StatementSync;
  readonly #findAgain: StatementSync;
  readonly #list: StatementSync;
  readonly #piece: StatementSync;

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
    this.#find = database.prepare(
      'SELECT sum, data, stream, pieces, bytes FROM value INDEXED BY value_by_path WHERE path = ? AND path_sum = ?',
    );
    this.#findAgain = database.prepare('SELECT 1 FROM value INDEXED BY value_by_sum WHERE path = ? AND path_sum = ?');
    this.#list = database.prepare('SELECT path, path_sum FROM value INDEXED BY value_by_path WHERE path >= ? ORDER BY path');
    this.#piece = database.prepare('SELECT sum, data FROM piece WHERE id = ?');
  }

  find(path: string): FoundValue | undefined {
    const sum = pathSum(path);
    const row = this.#find.get(path, sum);
    if (row !== undefined) return this.#checked(path, row);
    return this.#missing(path, sum);
  }

  /** Every path that starts with `prefix`, sorted by code unit. */
  list(prefix: string): string[] {
    // SQLite sorts by UTF-8 bytes, so what begins with the prefix stands together; half a surrogate pair has no bytes of its own
    const from = prefix.isWellFormed() ? prefix : '';
    const paths: string[] = [];
    for (const row of this.#list.iterate(from)) {
      const path = row.path as string;
      if (pathSum(path) !== row.path_sum) throw corruptError(this.#file, 'a path in it was changed');
      if (!path.startsWith(from)) break;
      if (path.startsWith(prefix)) paths.push(path);
    }
    return paths.sort();
  }

  piece(stream: number, seq: number): Uint8Array<ArrayBuffer> {
    const row = this.#piece.get(pieceId(stream, seq));
    const data = row?.data as Uint8Array<ArrayBuffer> | undefined;
    if (data === undefined || row?.sum !== pieceSum(stream, seq, data))
      throw corruptError(this.#file, 'a piece of a value is missing or was changed');
    return data;
  }

  /** The value as one array. */
  whole({ stream, pieces, bytes }: StreamHead): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(bytes);
    let at = 0;
    for (let seq = 0; seq < pieces; seq += 1) {
      const piece = this.piece(stream, seq);
      if (at + piece.length > bytes) break;
      whole.set(piece, at);
      at += piece.length;
    }
    if (at !== bytes) throw corruptError(this.#file, 'the pieces of a value do not make its length');
    return whole;
  }

  /** A number above those of all streams in the file. */
  nextStream(): number {
    const last = this.#database.prepare('SELECT max(id) AS id FROM piece').get()?.id;
    const value = this.#database.prepare('SELECT max(stream) AS stream FROM value').get()?.stream;
    return Math.max(Math.floor(Number(last ?? 0) / PIECES_PER_STREAM), Number(value ?? 0)) + 1;
  }

  #checked(path: string, { sum, data, stream, pieces, bytes }: Readonly<Record<string, unknown>>): FoundValue {
    const head = { stream: Number(stream), pieces: Number(pieces), bytes: Number(bytes) };
    const found = stream === null ? { data: data as Uint8Array<ArrayBuffer> } : head;
    const isWhole = stream === null ? data instanceof Uint8Array && sum === inlineSum(path, data) : sum === streamSum(path, head);
    if (!isWhole) throw corruptError(this.#file, `the value of ${path} is not what was written`);
    return found;
  }

  /** Looked for once more, in both trees and in one moment: between two moments another thread may write it. */
  #missing(path: string, sum: number): FoundValue | undefined {
    this.#database.exec('BEGIN');
    try {
      const row = this.#find.get(path, sum);
      if (row !== undefined) return this.#checked(path, row);
      if (this.#findAgain.get(path, sum) !== undefined) throw corruptError(this.#file, `${path} is there and cannot be found`);
      return undefined;
    } finally {
      if (this.#database.isTransaction) this.#database.exec('COMMIT');
    }
  }
}

export function pathSum(path: string): number {
  return checksum(path, NOTHING);
}

export function inlineSum(path: string, data: Uint8Array): number {
  return checksum(`${path}\0`, data);
}

export function streamSum(path: string, { stream, pieces, bytes }: StreamHead): number {
  return checksum(`${path}\0${stream}/${pieces}/${bytes}`, NOTHING);
}

export function pieceId(stream: number, seq: number): number {
  return stream * PIECES_PER_STREAM + seq;
}

export function streamOfPiece(id: number): number {
  return Math.floor(id / PIECES_PER_STREAM);
}

export function pieceSum(stream: number, seq: number, data: Uint8Array): number {
  return checksum(`${stream}/${seq}`, data);
}
