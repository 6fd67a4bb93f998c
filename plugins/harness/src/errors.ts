import {
  type BellowsError,
  CancelledError,
  CapacityError,
  ConfigError,
  defineErrorCodes,
  type ErrorOptions,
  GuestError,
  InputError,
  InvariantError,
  NotFoundError,
  NotReadyError,
  RefusedError,
} from '@bellows/sdk';

/** Every code this plugin answers, who must act, and what it means. */
export const HARNESS_ERRORS = defineErrorCodes({
  BRANCH_CHECKED_OUT: {
    kind: 'refused',
    text: 'The branch to land on is checked out somewhere, and landing would pull it away under the files there. Name another branch, or allow it.',
  },
  BRANCH_IN_USE: {
    kind: 'refused',
    text: 'Another host lands on this branch of the repository; `data` names its process and data folder. Name another branch, or let it finish.',
  },
  BRANCH_INVALID: { kind: 'input', text: 'This is no name git allows for a branch.' },
  CAPACITY: {
    kind: 'capacity',
    text: 'More issues wait than `maxQueueDepth` allows. Try again after `retryAfterMs`; running jobs go on.',
  },
  COMMAND_NOT_STARTED: { kind: 'input', text: 'The command of the agent or of the verification is not there or may not be run.' },
  FEATURE_UNSUPPORTED: { kind: 'input', text: 'The driver, or another part of the request, is not there yet; the message names it.' },
  GIT_FAILED: { kind: 'not_ready', text: 'git answered with an error nobody foresaw; its words are in the message.' },
  GIT_MISSING: { kind: 'config', text: 'There is no git of version 2.38 or newer on the PATH of the host. Install it.' },
  HARNESS_STOPPING: {
    kind: 'not_ready',
    text: 'The harness is being stopped and takes no new jobs. What was started goes on after the next start.',
  },
  HARNESS_STORE_FAILED: {
    kind: 'not_ready',
    text: 'The database of the harness cannot be used: the disk is full, or another process holds it.',
  },
  ISSUES_INVALID: { kind: 'input', text: 'The list of issues is faulty: `details` names every fault with its line.' },
  JOB_CANCELLED: { kind: 'cancelled', text: 'The job was cancelled, or its session was given up.' },
  JOB_CONFLICT: { kind: 'refused', text: 'There is another job of this id. Use another id.' },
  JOB_ENDED: { kind: 'refused', text: 'The job has ended; there is nothing to cancel.' },
  JOB_FAILED: {
    kind: 'guest',
    text: 'Fewer issues landed than `mustLand` asked for; `data` has the job with what landed and what failed, the message the first failures.',
  },
  JOB_INVALID: { kind: 'input', text: 'What was asked of a coordinator is no job; the message names every fault.' },
  JOB_UNKNOWN: { kind: 'not_found', text: 'There is no job of this id, or it was removed after its time of retention.' },
  LANDING_FAILED: {
    kind: 'not_ready',
    text: 'Verified work could not land because others moved the branch every time meanwhile. The issue is tried again.',
  },
  LIMITS_INVALID: { kind: 'refused', text: 'Limits must be whole numbers of at least 1. Nothing was changed.' },
  LOAD_TEST_INVALID: { kind: 'input', text: 'There is no such scenario, or its numbers contradict each other.' },
  REPO_DIRTY: {
    kind: 'refused',
    text: 'The checked-out branch to land on has uncommitted changes; `data.files` names some. Commit or stash them, or land on another branch.',
  },
  REPO_EMPTY: { kind: 'input', text: 'The repository has no commit yet, so there is nothing to work from.' },
  REPO_INVALID: { kind: 'input', text: 'The folder is not there or belongs to no git repository.' },
  SCALE_CHANGE_REFUSED: {
    kind: 'refused',
    text: 'The new numbers of `scale` contradict each other; the message says which. Those of before are still in force.',
  },
  SCALE_CONFIG_INVALID: { kind: 'input', text: 'The numbers of a ScaleConfig contradict each other; the message says which.' },
  WORKER_BUSY: { kind: 'invariant', text: 'A worker was given work while it had some. Please report it.' },
  WORKSPACE_BROKEN: {
    kind: 'refused',
    text: 'The agent left its workspace in a state from which no work can be taken: the folder or its `.git` is gone, or its history is another one.',
  },
  WORKSPACE_FAILED: { kind: 'not_ready', text: 'A workspace could not be made: git or the disk said why. The issue is tried again.' },
});

export type HarnessErrorCode = keyof typeof HARNESS_ERRORS;

/** An error of this plugin: its class follows from the code. */
export function harnessError(code: HarnessErrorCode, message: string, options: ErrorOptions = {}): BellowsError {
  const make = CLASSES[HARNESS_ERRORS[code].kind];
  return new make(code, message, { plugin: 'harness', ...options });
}

const CLASSES = Object.freeze({
  cancelled: CancelledError,
  capacity: CapacityError,
  config: ConfigError,
  guest: GuestError,
  input: InputError,
  invariant: InvariantError,
  not_found: NotFoundError,
  not_ready: NotReadyError,
  refused: RefusedError,
});
