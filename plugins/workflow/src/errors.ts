import {
  type BellowsError,
  CancelledError,
  CapacityError,
  ConfigError,
  DeadlineError,
  defineErrorCodes,
  type ErrorOptions,
  ForbiddenError,
  GuestError,
  InputError,
  InvariantError,
  NotFoundError,
  NotReadyError,
  PluginError,
  RefusedError,
} from '@bellows/sdk';

/** Every code this plugin answers, who must act, and what it means. */
export const WORKFLOW_ERRORS = defineErrorCodes({
  BACKUP_FAILED: {
    kind: 'refused',
    text: 'The runs could not be copied into the folder of a backup. The message says why: it must be there, writable, with room, and without such a file.',
  },
  CAPACITY: { kind: 'capacity', text: 'More stages are ready than may wait. Try again after `retryAfterMs`; what was started goes on.' },
  CHILD_FAILED: { kind: 'guest', text: 'A child workflow did not complete; `data.id` names its run, `data.status` how it ended.' },
  CURSOR_INVALID: { kind: 'input', text: 'The `cursor` is none that a page of the list gave. Begin without one.' },
  DEFINITION_CHANGED: {
    kind: 'refused',
    text: 'The definition differs from the one kept under this name and version. Runs finish on the version they started with: give the changed one a new version.',
  },
  DEFINITION_FILE_INVALID: {
    kind: 'config',
    text: 'A file named in `definitions` cannot be read, is no definition or is faulty; `details` names every fault with its place.',
  },
  DEFINITION_INVALID: { kind: 'input', text: 'The definition is faulty; `details` names every fault.' },
  FEATURE_UNSUPPORTED: {
    kind: 'input',
    text: 'The definition uses a kind of stage or an option that is not there yet; `details` names it.',
  },
  FLOW_STORE_CLOSED: {
    kind: 'not_ready',
    text: 'The workflow plugin is being stopped. What was acknowledged goes on after the next start.',
  },
  FLOW_STORE_CORRUPT: {
    kind: 'config',
    text: 'A database of the workflow plugin is damaged. Restore the folder from a backup, or move it away to start empty.',
  },
  FLOW_STORE_IN_USE: { kind: 'config', text: 'Another process has opened the workflow folder. End it, or use another data folder.' },
  FLOW_STORE_NEWER: {
    kind: 'config',
    text: 'A newer version wrote the database of the workflow plugin. Use that version again, or another data folder.',
  },
  FUNCTION_UNKNOWN: {
    kind: 'input',
    text: 'A stage names a function that no file in `definitions` registers. Export it with `defineFunction`, or correct the name.',
  },
  LIMITS_INVALID: { kind: 'refused', text: 'Limits must be whole numbers of at least 1. Nothing was changed.' },
  OUTPUT_INVALID: {
    kind: 'guest',
    text: 'A stage answered with something JSON cannot hold: undefined is null, but functions, big integers and circles are refused.',
  },
  PIPELINE_TOO_DEEP: {
    kind: 'config',
    text: 'The longest chain of stages is longer than `maxPipelineDepth`; the message shows it. Split the pipeline, or raise the limit.',
  },
  RUN_CANCELLED: { kind: 'cancelled', text: 'The run was cancelled; what it had done was compensated.' },
  RUN_CONFLICT: {
    kind: 'refused',
    text: 'There is a run of this id with another definition or input, or of another tenant. Use another id.',
  },
  RUN_ENDED: { kind: 'refused', text: 'The run has ended and takes no signals and no cancellation any more.' },
  RUN_INPUT_INVALID: {
    kind: 'input',
    text: 'The input does not fit the schema of the workflow, `details` names every place; or it, or the payload of a signal, is nothing JSON can hold.',
  },
  RUN_UNKNOWN: { kind: 'not_found', text: 'There is no run of this id, or it was removed after its time of retention.' },
  SIGNALS_FULL: {
    kind: 'capacity',
    text: 'The run keeps as many signals as it may that none of its stages has waited for. Send no more until it takes some.',
  },
  STAGE_FAILED: { kind: 'guest', text: 'The function of a stage threw; the message is its own.' },
  STAGE_FORBIDDEN: {
    kind: 'forbidden',
    text: 'A stage calls an operation that whoever starts the run may not call. Start it with the token, or a role, that may.',
  },
  STAGE_TIMEOUT: { kind: 'deadline', text: 'An attempt of a stage took longer than its `timeoutMs`. Give it more time, or less work.' },
  STATE_MISSING: { kind: 'invariant', text: 'A large value of a run is not in its store any more. Please report it.' },
  TEMPLATE_TOO_LARGE: {
    kind: 'input',
    text: 'The texts that a template puts together are too large. Hand large values on as a whole, not inside of a text.',
  },
  TEMPLATE_UNRESOLVED: { kind: 'input', text: 'A `${…}` in the input of a stage names something that is not there.' },
  TIMER_INVALID: {
    kind: 'input',
    text: 'The input of a timer is neither a number of milliseconds nor `{ until: <ms since 1970> }`. Correct the definition.',
  },
  WORKFLOW_STOPPING: { kind: 'not_ready', text: 'The workflow plugin is being stopped and takes no new runs.' },
  WORKFLOW_UNKNOWN: { kind: 'not_found', text: 'There is no definition of this name and version. `workflow.define` adds one.' },
});

export type WorkflowErrorCode = keyof typeof WORKFLOW_ERRORS;

/** An error of this plugin: its class follows from the code. */
export function workflowError(code: WorkflowErrorCode, message: string, options: ErrorOptions = {}): BellowsError {
  const make = CLASSES[WORKFLOW_ERRORS[code].kind];
  return new make(code, message, { plugin: 'workflow', ...options });
}

const CLASSES = Object.freeze({
  cancelled: CancelledError,
  capacity: CapacityError,
  config: ConfigError,
  deadline: DeadlineError,
  forbidden: ForbiddenError,
  guest: GuestError,
  input: InputError,
  invariant: InvariantError,
  not_found: NotFoundError,
  not_ready: NotReadyError,
  plugin: PluginError,
  refused: RefusedError,
});
