/**
 * What host, executor process and executor thread say to each other. Types and small constants only: the executor
 * side imports this file and nothing of the host's.
 *
 * ```text
 *            configure, call, check, cancel, trim        run, refill, load, drop
 *   host  ───────────────────────────────────▶ executor ─────────────────────────▶ thread
 *         ◀───────────────────────────────────          ◀─────────────────────────
 *                 ready, answer, stats                          ran, refilled
 * ```
 * Host and executor send arrays of messages, one array a turn of the event loop.
 */
export type ToExecutor = ConfigureMessage | CallMessage | CheckMessage | CancelMessage | { readonly type: 'trim' };
export type FromExecutor = { readonly type: 'ready' } | AnswerMessage | StatsMessage;

/** How many threads the executor may run from now on; more than that are ended as soon as they are idle. */
export interface ConfigureMessage {
  readonly type: 'configure';
  readonly threads: number;
  readonly maxPooledModules: number;
}

/** A compiled module is a function of the file and of what it was clamped to. */
export interface ModuleRef {
  readonly file: string;
  readonly hash: string;
  readonly maxPages: number;
  readonly maxTableElements: number;
  readonly maxPoolSize: number;
}

export interface CallMessage {
  readonly type: 'call';
  readonly id: number;
  readonly module: ModuleRef;
  readonly call: GuestCall;
  /** From the receipt of this message. */
  readonly deadlineMs: number;
}

export type GuestNumber = number | bigint;

export interface GuestCall {
  readonly exportName: string;
  readonly args: readonly GuestNumber[];
  /** `undefined`: the module imports nothing. */
  readonly wasi: WasiInput | undefined;
}

export interface GuestFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface WasiInput {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly stdin: Uint8Array;
  readonly files: readonly GuestFile[];
  readonly seed: string | undefined;
  readonly nowMs: number | undefined;
  /** Bytes the guest may write in all: to files, standard output and standard error. */
  readonly maxOutputBytes: number;
}

/** Compiles a file and says whether V8 takes it. */
export interface CheckMessage {
  readonly type: 'check';
  readonly id: number;
  readonly module: ModuleRef;
  readonly deadlineMs: number;
}

export interface CancelMessage {
  readonly type: 'cancel';
  readonly id: number;
}

export type PoolOutcome = 'warm' | 'cold' | 'overflow';

export interface GuestResult {
  readonly results: readonly GuestNumber[];
  readonly wasi: WasiOutput | undefined;
  readonly pool: PoolOutcome;
}

export interface WasiOutput {
  readonly exitCode: number | undefined;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly files: readonly GuestFile[];
}

export type FaultCode =
  | 'DEADLINE_EXCEEDED'
  | 'MEMORY_LIMIT'
  | 'STACK_OVERFLOW'
  | 'TRAP'
  | 'MODULE_INVALID'
  | 'MODULE_FILE_MISSING'
  | 'CAPACITY'
  | 'CANCELLED'
  | 'EXECUTOR_LOST'
  | 'EXECUTOR_BROKEN';

/** Why a call has no result. `message` is a clause that fits behind "The call failed: ". */
export interface Fault {
  readonly code: FaultCode;
  readonly message: string;
  readonly phase?: 'compile' | 'start' | 'call';
  /** Of a trap. */
  readonly kind?: string;
}

export type Outcome = { readonly ok: true; readonly result: GuestResult } | { readonly ok: false; readonly fault: Fault };

export interface AnswerMessage {
  readonly type: 'answer';
  readonly id: number;
  /** `null` answers a check that passed. */
  readonly outcome: Outcome | null;
  readonly durationMs: number;
}

export interface StatsMessage {
  readonly type: 'stats';
  readonly rssBytes: number;
  readonly threads: number;
  /** Instances ready by module hash, over all threads. */
  readonly warm: Readonly<Record<string, number>>;
}
