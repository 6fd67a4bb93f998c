import { createHash } from 'node:crypto';
import type { IPersistentBackingStore } from '@bellows/sdk';
import { workflowError } from '../errors.js';
import type { KeptValue } from './flow-records.js';

export interface CapturedStatesOptions {
  /** Holds values over 64 KiB up to `maxStateBytesPerStage`. */
  readonly values: IPersistentBackingStore;
  /** Holds values above it. */
  readonly backing: IPersistentBackingStore;
  /** UTF-8 bytes; at least 1 KiB. */
  readonly maxStateBytesPerStage: number;
}

/** The tiers of {@link ICapturedStates} over two stores, which may be one. Errors of the stores reach the caller. */
export class CapturedStates implements ICapturedStates {
  readonly #values: IPersistentBackingStore;
  readonly #backing: IPersistentBackingStore;
  #maxStateBytesPerStage: number;
  #spilledTotal = 0;
  #spilledBytesTotal = 0;

  constructor({ values, backing, maxStateBytesPerStage }: CapturedStatesOptions) {
    this.#values = values;
    this.#backing = backing;
    this.#maxStateBytesPerStage = Math.max(MIN_STATE_BYTES, maxStateBytesPerStage);
  }

  get maxStateBytesPerStage(): number {
    return this.#maxStateBytesPerStage;
  }

  /** For values kept from now on; what is kept stays where it is. Below 1 KiB it is 1 KiB. */
  set maxStateBytesPerStage(bytes: number) {
    this.#maxStateBytesPerStage = Math.max(MIN_STATE_BYTES, bytes);
  }

  /** How many values went through the backing store because they were above the limit, and their bytes. */
  get spilled(): { readonly total: number; readonly bytesTotal: number } {
    return { total: this.#spilledTotal, bytesTotal: this.#spilledBytesTotal };
  }

  keep(at: CapturedAt, json: string): KeptValue | Promise<KeptValue> {
    // a character has at most three bytes, so most values need not be counted
    const small = Math.min(MAX_INLINE_BYTES, this.#maxStateBytesPerStage);
    if (json.length * 3 <= small || Buffer.byteLength(json) <= small) return `${INLINE}${json}}`;
    return this.#keepLarge(at, Buffer.from(json));
  }

  load(kept: KeptValue): string | Promise<string> {
    return kept.startsWith(INLINE) ? kept.slice(INLINE.length, -1) : this.#loadLarge(kept);
  }

  async forget(runId: string): Promise<void> {
    await Promise.all([
      forgetIn(this.#values, `${VALUES_ROOT}${segmentOf(runId)}/`),
      forgetIn(this.#backing, `${STATE_ROOT}${segmentOf(runId)}/`),
    ]);
  }

  async #keepLarge({ runId, stage }: CapturedAt, bytes: Uint8Array): Promise<KeptValue> {
    const above = bytes.byteLength > this.#maxStateBytesPerStage;
    const path = `${above ? STATE_ROOT : VALUES_ROOT}${segmentOf(runId)}/${stage}`;
    await (above ? this.#backing : this.#values).write(path, bytes);
    if (above) {
      this.#spilledTotal += 1;
      this.#spilledBytesTotal += bytes.byteLength;
    }
    return JSON.stringify({ spilled: { path, bytes: bytes.byteLength } });
  }

  async #loadLarge(kept: KeptValue): Promise<string> {
    const { path, bytes } = placeOf(kept);
    const found = await (path.startsWith(STATE_ROOT) ? this.#backing : this.#values).read(path);
    if (found?.byteLength === bytes) return Buffer.from(found.buffer, found.byteOffset, found.byteLength).toString();
    const why = found === null ? 'is not there any more' : `has ${found.byteLength} bytes instead of ${bytes}`;
    throw workflowError('STATE_MISSING', `The value at ${path} ${why}: restore the folder from one backup, and please report this`);
  }
}

/** To which stage, or to what of the run, a value belongs. */
export interface CapturedAt {
  readonly runId: string;
  /** Index of the stage; -1 for the input of the run, -2 for its output, -3 - n for its n-th signal. */
  readonly stage: number;
}

/**
 * Keeps values of runs by size: up to 64 KiB inside of the event, up to `maxStateBytesPerStage` (10 MB) in the second file, above it
 * through the backing store at `dw://internal/pipeline-state/{runId}/{stage}`. The tiers differ in cost only.
 */
export interface ICapturedStates {
  /** At once for a small value; else resolves when the value is durable, before the event that names it is written. `STORE_FULL` … when it cannot be. */
  keep(at: CapturedAt, json: string): KeptValue | Promise<KeptValue>;
  /** The JSON. At once for a small value. `STATE_MISSING` when the file has lost it. */
  load(kept: KeptValue): string | Promise<string>;
  /** Removes everything large of a run. Silent when there is nothing. */
  forget(runId: string): Promise<void>;
}

const MIN_STATE_BYTES = 1_024;
/** Larger ones would make the log slow to read and its pages chains. */
const MAX_INLINE_BYTES = 64 * 1_024;
const INLINE = '{"value":';
const VALUES_ROOT = 'dw://internal/flow-values/';
const STATE_ROOT = 'dw://internal/pipeline-state/';
/** Leaves room for the rest of a path, which has at most 1,024 characters. */
const MAX_SEGMENT_LENGTH = 512;

/** A run id as one segment of a path: as it is where it may be, else escaped, else (long, empty, broken surrogates) its hash behind `~`. */
function segmentOf(runId: string): string {
  if (runId !== '' && runId.isWellFormed()) {
    const escaped = encodeURIComponent(runId)
      .replaceAll('~', '%7E')
      .replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length));
    if (escaped.length <= MAX_SEGMENT_LENGTH) return escaped;
  }
  return `~${createHash('sha256').update(runId, 'utf16le').digest('hex')}`;
}

function placeOf(kept: KeptValue): { readonly path: string; readonly bytes: number } {
  try {
    const { path, bytes } = JSON.parse(kept).spilled;
    if (typeof path === 'string' && typeof bytes === 'number') return { path, bytes };
  } catch {
    // told below
  }
  throw workflowError('STATE_MISSING', `${JSON.stringify(kept.slice(0, 100))} names no value of a run: please report this`);
}

async function forgetIn(store: IPersistentBackingStore, prefix: string): Promise<void> {
  for (const path of await store.list(prefix)) await store.delete(path);
}
