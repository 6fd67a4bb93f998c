import type { ErrorKind } from '../errors.js';

/** What the thread of a store is started with. */
export interface WriterData {
  readonly file: string;
  readonly busyTimeoutMs: number;
  readonly maxBytes: number | null;
  /** Streams that are being read or written although no value is made of them: not swept away. */
  readonly keep: readonly number[];
}

/** One change of the file. All of one request share a commit. */
export type Change =
  /** `stream` is the one to use if the data is too large to stand beside its path. */
  | { readonly kind: 'put'; readonly path: string; readonly data: Uint8Array<ArrayBuffer>; readonly stream: number }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'piece'; readonly stream: number; readonly seq: number; readonly data: Uint8Array<ArrayBuffer> }
  /** Makes a value of the pieces of a stream. */
  | ({ readonly kind: 'finish'; readonly path: string } & StreamHead)
  /** Removes the pieces of a stream, unless it is a value. */
  | { readonly kind: 'purge'; readonly stream: number };

/** Where a large value is. */
export interface StreamHead {
  readonly stream: number;
  readonly pieces: number;
  readonly bytes: number;
}

export type WriterRequest =
  | { readonly type: 'commit'; readonly id: number; readonly changes: readonly Change[] }
  | ({ readonly type: 'value'; readonly id: number } & StreamHead)
  | { readonly type: 'piece'; readonly id: number; readonly stream: number; readonly seq: number }
  /** Opens the file, and brings one of an earlier version to this one. */
  | { readonly type: 'open'; readonly id: number }
  /** Answered by the end of the thread. */
  | { readonly type: 'close' };

export type ChangeResult =
  /** `replaced` is the stream that was a value of this path until now. */
  { readonly ok: true; readonly replaced: number | null } | { readonly ok: false; readonly error: WriterError };

export type WriterValue = readonly ChangeResult[] | Uint8Array<ArrayBuffer> | null;

export type WriterAnswer =
  | { readonly id: number; readonly ok: true; readonly value: WriterValue }
  | { readonly id: number; readonly ok: false; readonly error: WriterError };

export interface WriterError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly status: number;
}
