import { deserialize, serialize } from 'node:v8';
import { BellowsError, type ErrorKind, type ErrorOptions, type IClock, type ILogger, type IPersistentBackingStore } from '@bellows/sdk';
import { AnswerShares } from './answer-shares.js';

export interface KeptAnswersConfig {
  /** How long an answer is given again. */
  readonly keepMs: number;
  readonly maxEntries: number;
  /** Of all that is kept. */
  readonly maxBytes: number;
  /** Of one answer; of a larger one only is kept that there was one. Never more than `maxBytes`. */
  readonly maxAnswerBytes: number;
}

export interface KeptAnswersOptions {
  readonly config: KeptAnswersConfig;
  /** The host's own part of it. */
  readonly store: IPersistentBackingStore;
  readonly clock: Pick<IClock, 'now'>;
  readonly logger: ILogger;
}

/** What became of a call. `input` is the digest of what it was asked. */
export interface Answer {
  readonly input: string;
  readonly outcome:
    | { readonly is: 'value'; readonly value: unknown }
    | { readonly is: 'dropped'; readonly bytes: number }
    | { readonly is: 'error'; readonly error: BellowsError };
}

interface Entry {
  readonly at: number;
  readonly bytes: number;
  readonly path: string;
  /** While it is not stored, or could not be. */
  data?: Uint8Array | undefined;
}

/** Of an error that is too large to keep whole; the smallest room for answers holds it. */
const MAX_BARE_MESSAGE_LENGTH = 200;
const MAX_CODE_LENGTH = 100;
const ROOT = 'dw://internal/';
const PATH = /^dw:\/\/internal\/(\d{15})\/(\d+)\/([0-9a-f]{64})$/;

/**
 * The answers of calls with an idempotency key, durable, by a key of 64 hexadecimal digits, of which the first say whose it is; see
 * `AnswerShares` for which go when there are too many. What is needed to know which go stands in the paths, so that nothing is read at start but their list, and that when it is first asked for.
 */
export class KeptAnswers {
  readonly #options: KeptAnswersOptions;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #shares = new AnswerShares();
  #loaded: Promise<void> | undefined;

  constructor(options: KeptAnswersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Rejects with the store's error, and tries again the next time. */
  async find(key: string): Promise<Answer | undefined> {
    await this.#load();
    const entry = this.#entries.get(key);
    if (!entry || this.#isOld(entry)) return undefined;
    const data = entry.data ?? (await this.#options.store.read(entry.path));
    return data === null ? undefined : answerFrom(data);
  }

  /**
   * Durable when it resolves. Never rejects: the work is done, and saying otherwise would have it done again. What the store refuses is
   * kept in memory until the host ends.
   */
  async keep(key: string, answer: Answer): Promise<void> {
    const data = this.#dataOf(answer);
    const at = Math.max(0, Math.floor(this.#options.clock.now()));
    const bytes = data.byteLength;
    const entry: Entry = { at, bytes, path: `${ROOT}${String(at).padStart(15, '0')}/${bytes}/${key}`, data };
    this.#add(key, entry);
    this.#dropTooMany(key);
    try {
      await this.#options.store.write(entry.path, data);
      entry.data = undefined;
    } catch (error) {
      this.#options.logger.error('an answer could not be kept: a call that is repeated after a restart will do its work again', { error });
    }
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#readList().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #readList(): Promise<void> {
    for (const path of await this.#options.store.list(ROOT)) {
      const [, at = '', bytes = '', key = ''] = PATH.exec(path) ?? [];
      if (key === '') continue;
      this.#add(key, { at: Number(at), bytes: Number(bytes), path });
    }
    this.#dropTooMany();
  }

  #add(key: string, entry: Entry): void {
    this.#drop(key);
    this.#entries.set(key, entry);
    this.#shares.add(key, entry.bytes);
  }

  #dataOf(answer: Answer): Uint8Array {
    const { maxAnswerBytes, maxBytes } = this.#options.config;
    const { outcome } = answer;
    const data = serialized(answer);
    if (data && data.byteLength <= Math.min(maxAnswerBytes, maxBytes)) return data;
    // That the work failed must stay known, whatever its author put beside the code.
    if (outcome.is === 'error') return serialize({ ...answer, outcome: { is: 'error', error: bareError(outcome.error) } });
    return serialize({ ...answer, outcome: { is: 'dropped', bytes: data?.byteLength ?? 0 } });
  }

  #isOld({ at }: Entry): boolean {
    return this.#options.clock.now() - at >= this.#options.config.keepMs;
  }

  #dropTooMany(newest?: string): void {
    for (const [key, entry] of this.#entries) {
      if (!this.#isOld(entry)) break;
      this.#drop(key);
    }
    const { config } = this.#options;
    for (let key = this.#shares.nextToGo(config, newest); key !== undefined; key = this.#shares.nextToGo(config, newest)) this.#drop(key);
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#shares.remove(key, entry.bytes);
    const { store, logger } = this.#options;
    store.delete(entry.path).catch((error: unknown) => logger.warn('an old answer was not removed', { error }));
  }
}

type StoredError = ErrorOptions & { readonly kind: ErrorKind; readonly code: string; readonly message: string };

/** Undefined for what no file can hold, such as a function. */
function serialized({ input, outcome }: Answer): Uint8Array | undefined {
  try {
    return serialize({ input, outcome: outcome.is === 'error' ? { is: 'error', error: storedError(outcome.error) } : outcome });
  } catch {
    return undefined;
  }
}

function answerFrom(data: Uint8Array): Answer {
  const { input, outcome } = deserialize(data) as Answer;
  if (outcome.is !== 'error') return { input, outcome };
  const { kind, code, message, ...options } = outcome.error as unknown as StoredError;
  return { input, outcome: { is: 'error', error: new BellowsError(kind, code, message, options) } };
}

function bareError({ kind, code, message, status }: BellowsError): StoredError {
  return { kind, code: code.slice(0, MAX_CODE_LENGTH), message: message.slice(0, MAX_BARE_MESSAGE_LENGTH), status };
}

function storedError({ kind, code, message, plugin, phase, details, data, status }: BellowsError): StoredError {
  const given = Object.entries({ plugin, phase, details, data, status }).filter(([, value]) => value !== undefined);
  return { kind, code, message, ...(Object.fromEntries(given) as ErrorOptions) };
}
