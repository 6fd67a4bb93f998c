import type { CancelTimer, IClock } from './clock.js';
import type { ILogger, LogFields } from './logger.js';

export interface CrashLogOptions {
  readonly logger: ILogger;
  readonly clock: IClock;
  /** Default: `warn`. */
  readonly level?: 'warn' | 'error';
  /** Default: a minute. */
  readonly periodMs?: number;
}

/**
 * Keeps a log readable while something fails time and again: the first line of a kind at once, those that follow only counted, and
 * told in one line at the end of the period. After a period without any the next is the first again.
 */
export class CrashLog {
  readonly #options: CrashLogOptions;
  readonly #periodMs: number;
  readonly #kinds = new Map<string, Kind>();

  constructor(options: CrashLogOptions) {
    this.#options = options;
    this.#periodMs = options.periodMs ?? PERIOD_MS;
  }

  /** `kind` says which lines are alike, such as the id of what crashed. Never throws. */
  write(kind: string, message: string, fields?: LogFields): void {
    const name = this.#kinds.has(kind) || this.#kinds.size < MAX_KINDS ? kind : OTHERS;
    const present = this.#kinds.get(name);
    if (present !== undefined) {
      Object.assign(present, { more: present.more + 1, message, fields });
      return;
    }
    const begun: Kind = { more: 0, message, fields, sinceMs: 0, cancel: () => undefined };
    this.#kinds.set(name, begun);
    this.#wait(name, begun);
    this.#line(message, fields);
  }

  /** Tells at once what is only counted yet, and forgets everything. To be called when no more is to come; twice is fine. */
  flush(): void {
    for (const kind of this.#kinds.values()) {
      kind.cancel();
      this.#tell(kind);
    }
    this.#kinds.clear();
  }

  #wait(name: string, kind: Kind): void {
    kind.sinceMs = this.#options.clock.monotonicMs();
    kind.cancel = this.#options.clock.setTimer(this.#periodMs, () => {
      if (kind.more === 0) return void this.#kinds.delete(name);
      this.#tell(kind);
      this.#wait(name, kind);
    });
  }

  #tell(kind: Kind): void {
    if (kind.more === 0) return;
    const seconds = Math.ceil((this.#options.clock.monotonicMs() - kind.sinceMs) / 1_000);
    this.#line(`${kind.message} (${kind.more} more in the last ${seconds} s)`, kind.fields);
    kind.more = 0;
  }

  #line(message: string, fields: LogFields | undefined): void {
    this.#options.logger[this.#options.level ?? 'warn'](message, fields);
  }
}

/** Of the last line that was only counted. */
interface Kind {
  more: number;
  message: string;
  fields: LogFields | undefined;
  sinceMs: number;
  cancel: CancelTimer;
}

/** Sixty lines an hour at most for each kind: enough to see that it goes on. */
const PERIOD_MS = 60_000;
/** Kinds may come from outside; the lines of all beyond these count as one kind. */
const MAX_KINDS = 256;
const OTHERS = '';
