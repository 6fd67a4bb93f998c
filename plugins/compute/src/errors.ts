import {
  BellowsError,
  CancelledError,
  CapacityError,
  DeadlineError,
  defineErrorCodes,
  type ErrorOptions,
  GuestError,
  InputError,
  NotFoundError,
  NotReadyError,
  RefusedError,
} from '@bellows/sdk';

/** Every code this plugin answers, who must act, and what it means. */
export const COMPUTE_ERRORS = defineErrorCodes({
  ARGUMENTS_INVALID: {
    kind: 'input',
    text: 'The number, type or range of the arguments does not fit the exported function. 64-bit integers are decimal strings.',
  },
  CANCELLED: { kind: 'cancelled', text: 'The caller went away before the guest had ended.' },
  CAPACITY: {
    kind: 'capacity',
    text: 'All slots are taken and the queue is full, or executors have no room. Try again after `retryAfterMs`.',
  },
  COMPUTE_STOPPING: { kind: 'not_ready', text: 'Compute is being stopped and takes no more calls.' },
  DEADLINE_EXCEEDED: {
    kind: 'deadline',
    text: 'The guest was ended because its time, waiting for a slot included, was used up. Raise `deadlineMs` if the work needs more.',
  },
  EXECUTOR_LOST: {
    kind: 'not_ready',
    text: 'The process or thread that ran the guest ended unexpectedly. It has been replaced; whether the guest had finished is unknown.',
  },
  EXECUTORS_FAILING: {
    kind: 'not_ready',
    text: 'No executor process stays up, so calls are refused at once; they are started again with growing pauses. The message says how the last ended: often the machine has no memory or no processes left.',
  },
  EXPORT_UNKNOWN: { kind: 'input', text: 'The module exports no function of that name, or one that cannot be called from outside.' },
  FEATURE_UNSUPPORTED: { kind: 'input', text: 'The module or the call uses a feature outside of the allow-list; `data.feature` names it.' },
  FILES_INVALID: {
    kind: 'input',
    text: 'A path is not relative, leaves the folder of the guest, or is given twice. Use paths such as `folder/name`, without `..`.',
  },
  FUNCTION_TOO_LARGE: {
    kind: 'input',
    text: 'One function has more bytes of code than `maxFunctionBytes`: its first call would take too long.',
  },
  IMPORT_UNKNOWN: {
    kind: 'input',
    text: 'The module imports something else than functions of `wasi_snapshot_preview1`; the message names all.',
  },
  LIMITS_INVALID: { kind: 'refused', text: 'Limits must be whole numbers of at least 1. Nothing was changed.' },
  MEMORY_LIMIT: {
    kind: 'guest',
    text: 'The module demands more memory or table elements than it may have, or a call used up the heap of its thread.',
  },
  MODULE_FILE_MISSING: { kind: 'not_found', text: 'The file of a known module is not in the data folder any more. Put the module again.' },
  MODULE_INVALID: { kind: 'input', text: 'The bytes are no valid WebAssembly module; the message says where.' },
  MODULE_TOO_LARGE: { kind: 'input', text: 'The module has more bytes than `maxModuleBytes`.' },
  MODULE_UNKNOWN: { kind: 'not_found', text: 'No module of that name was put here. `compute.list` shows those there are.' },
  STACK_OVERFLOW: { kind: 'guest', text: 'The guest used up its stack: endless or too deep recursion.' },
  TRAP: {
    kind: 'guest',
    text: 'The guest ended with a trap; `data.kind` says which, `phase` is `start` when the module could not be started.',
  },
  WASI_UNUSED: {
    kind: 'input',
    text: 'Input, arguments, variables or files were given to a module that imports nothing and cannot read them.',
  },
});

export type ComputeErrorCode = keyof typeof COMPUTE_ERRORS;

/** An error of this plugin: its class follows from the code. */
export function computeError(code: ComputeErrorCode, message: string, options: ErrorOptions = {}): BellowsError {
  const make = CLASSES[COMPUTE_ERRORS[code].kind];
  return new make(code, message, { plugin: 'compute', ...options });
}

const CLASSES = Object.freeze({
  input: InputError,
  not_found: NotFoundError,
  guest: GuestError,
  not_ready: NotReadyError,
  refused: RefusedError,
  capacity: CapacityError,
  deadline: DeadlineError,
  cancelled: CancelledError,
});
