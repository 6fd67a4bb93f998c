import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { InvariantError } from '../errors.js';
import { slicesOf } from '../store-pieces.js';
import { INLINE_BYTES } from './sqlite-layout.js';
import type { Change, StreamHead } from './sqlite-protocol.js';
import { inlineSum, pathSum, pieceId, pieceSum, streamOfPiece, streamSum } from './value-reader.js';

/** Applies changes inside a transaction that its user begins and commits. */
export class ValueWriter {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(database: DatabaseSync) {
    this.#statements = prepare(database);
  }

  /** Gives the stream that was a value of the path until now: its pieces stay, because they may still be read. */
  apply(change: Change): number | null {
    switch (change.kind) {
      case 'put':
        return this.#put(change.path, change.data, change.stream);
      case 'remove':
        return this.#remove(change.path);
      case 'piece':
        this.#piece(change.stream, change.seq, change.data);
        return null;
      case 'finish':
        return this.#finish(change.path, change);
      case 'purge':
        if (this.#statements.value.get(change.stream) === undefined) this.#purge(change.stream);
        return null;
    }
  }

  /** Removes the pieces of streams that a killed process left behind: those that are no value and not in `keep`. */
  sweep(keep: ReadonlySet<number>): void {
    let from = 0;
    for (;;) {
      const first = this.#statements.pieceFrom.get(from)?.id;
      if (first === undefined) return;
      const stream = streamOfPiece(Number(first));
      if (!keep.has(stream) && this.#statements.value.get(stream) === undefined) this.#purge(stream);
      from = pieceId(stream + 1, 0);
    }
  }

  #put(path: string, data: Uint8Array, stream: number): number | null {
    if (data.length <= INLINE_BYTES) {
      const replaced = this.#replaced(path);
      this.#statements.put.run(path, pathSum(path), inlineSum(path, data), data, null, 0, data.length);
      return replaced;
    }
    let pieces = 0;
    for (const piece of slicesOf(data)) this.#piece(stream, pieces++, piece);
    return this.#finish(path, { stream, pieces, bytes: data.length });
  }

  #finish(path: string, { stream, pieces, bytes }: StreamHead): number | null {
    const found = this.#statements.pieces.get(pieceId(stream, 0), pieceId(stream + 1, 0))?.count;
    if (found !== pieces) throw new InvariantError('STORE_FAILED', `A stream to ${path} lost pieces: please report this`);
    const replaced = this.#replaced(path);
    const head = { stream, pieces, bytes };
    this.#statements.put.run(path, pathSum(path), streamSum(path, head), null, stream, pieces, bytes);
    return replaced;
  }

  #remove(path: string): number | null {
    const replaced = this.#replaced(path);
    this.#statements.remove.run(path, pathSum(path));
    return replaced;
  }

  #piece(stream: number, seq: number, data: Uint8Array): void {
    this.#statements.piece.run(pieceId(stream, seq), pieceSum(stream, seq, data), data);
  }

  #replaced(path: string): number | null {
    const stream = this.#statements.streamOf.get(path, pathSum(path))?.stream;
    return typeof stream === 'number' ? stream : null;
  }

  #purge(stream: number): void {
    this.#statements.purge.run(pieceId(stream, 0), pieceId(stream + 1, 0));
  }
}

function prepare(database: DatabaseSync): Readonly<Record<StatementName, StatementSync>> {
  return {
    put: database.prepare(
      'INSERT INTO value (path, path_sum, sum, data, stream, pieces, bytes) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path, path_sum) DO UPDATE SET sum = excluded.sum, data = excluded.data, stream = excluded.stream, pieces = excluded.pieces, bytes = excluded.bytes',
    ),
    remove: database.prepare('DELETE FROM value WHERE path = ? AND path_sum = ?'),
    streamOf: database.prepare('SELECT stream FROM value WHERE path = ? AND path_sum = ?'),
    value: database.prepare('SELECT 1 FROM value WHERE stream = ?'),
    piece: database.prepare('INSERT INTO piece (id, sum, data) VALUES (?, ?, ?)'),
    pieces: database.prepare('SELECT count(*) AS count FROM piece WHERE id >= ? AND id < ?'),
    pieceFrom: database.prepare('SELECT id FROM piece WHERE id >= ? ORDER BY id LIMIT 1'),
    purge: database.prepare('DELETE FROM piece WHERE id >= ? AND id < ?'),
  };
}

type StatementName = 'put' | 'remove' | 'streamOf' | 'value' | 'piece' | 'pieces' | 'pieceFrom' | 'purge';
