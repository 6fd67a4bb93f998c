import type { ErrorKind } from '@bellows/sdk';

/** What a spill thread is started with. */
export interface SpillThreadData {
  readonly file: string;
  readonly maxBytes: number | null;
}

export type SpillRequest =
  | { readonly type: 'write'; readonly id: number; readonly path: string; readonly data: Uint8Array }
  | { readonly type: 'read' | 'delete' | 'exists' | 'list'; readonly id: number; readonly path: string }
  | { readonly type: 'abort'; readonly id: number }
  /** Answered by the end of the thread. */
  | { readonly type: 'close' };

export type SpillValue = Uint8Array | null | boolean | readonly string[];

export type SpillAnswer =
  | { readonly id: number; readonly ok: true; readonly value: SpillValue }
  | { readonly id: number; readonly ok: false; readonly error: SpillError };

export interface SpillError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly status: number;
}
