import type { ErrorKind } from './errors.js';

export interface ErrorCodeText {
  readonly kind: ErrorKind;
  /** What it means and what to do, for the reference page. */
  readonly text: string;
}

export type ErrorCodeTable = Readonly<Record<string, ErrorCodeText>>;

/** Fixes the types of a table of codes and freezes it. `TypeError` for a code that is not written `LIKE_THIS` or has no text. */
export function defineErrorCodes<const T extends ErrorCodeTable>(table: T): Readonly<T> {
  for (const [code, entry] of Object.entries(table)) {
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(code)) throw new TypeError(`${code} is no error code: write it LIKE_THIS`);
    if (entry.text.trim() === '') throw new TypeError(`The error code ${code} has no text: say what it means and what to do`);
    Object.freeze(entry);
  }
  return Object.freeze(table);
}

/** Every code this package throws. */
export const ERROR_CODES = defineErrorCodes({
  ANSWER_CUT: {
    kind: 'not_ready',
    text: 'The connection to the host broke within its answer. The call may have been done: look, or call with an idempotency key.',
  },
  ANSWER_INVALID: {
    kind: 'config',
    text: 'What answered a client is no Bellows host, or something in front of it changed the answer. Check the address.',
  },
  ANSWER_TOO_LARGE: { kind: 'refused', text: 'An answer is longer than the client takes. Ask for less, or raise `maxAnswerBytes`.' },
  BRIDGE_BROKEN: {
    kind: 'input',
    text: 'The other side of a bridge of the bus sent what no bridge sends, so it was closed. Run the same version of the SDK on both sides.',
  },
  BRIDGE_OPTIONS_INVALID: { kind: 'input', text: 'A bridge of the bus was made with options that have no meaning. Correct the call.' },
  BRIDGE_REFUSED: {
    kind: 'input',
    text: 'The other side of a bridge of the bus published what it may not. Let it be accepted, or find out why it does.',
  },
  BRIDGE_STALLED: {
    kind: 'capacity',
    text: 'The other side of a bridge of the bus takes no events, or signals too slowly, so it was closed. Find out what holds it up.',
  },
  BRIDGE_UNSENDABLE: {
    kind: 'input',
    text: 'The payload of an event cannot be cloned, so no bridge carries it. Publish plain data, without functions.',
  },
  CACHE_OPTIONS_INVALID: {
    kind: 'input',
    text: 'A BoundedCache was made with options that are unknown or contradict each other, or its `sizeOf` answered no number of bytes. Correct the call.',
  },
  CALL_CANCELLED: { kind: 'cancelled', text: 'The signal given to a call of the client aborted. The host cancels the work.' },
  CALL_OPTIONS_INVALID: {
    kind: 'input',
    text: 'A client or one of its calls was given options that cannot be sent; `details` names them.',
  },
  CHECK_FAILED: {
    kind: 'plugin',
    text: 'A check of the testing entry found a broken promise. Its message names it; correct the implementation.',
  },
  CHILD_ID_TAKEN: { kind: 'plugin', text: 'Two children of one supervisor have the same id. Give each an id of its own.' },
  CHILD_INVALID: {
    kind: 'plugin',
    text: 'A child was given to a supervisor in a way that cannot work, or its `start` answered no running child. The message says what to write.',
  },
  CHILD_NOT_STOPPED: { kind: 'refused', text: 'A supervised child that is not stopped was to be started or forgotten. Stop it first.' },
  CHILD_STOP_TIMEOUT: {
    kind: 'deadline',
    text: 'A supervised child did not stop within its time-out, and was ended by force or left behind. Make it stop sooner or give it more time.',
  },
  CHILD_UNKNOWN: { kind: 'not_found', text: 'A supervisor has no child of that id. Its status names those it has.' },
  CHILDREN_NOT_STOPPED: {
    kind: 'plugin',
    text: 'Children of a supervisor that was itself supervised did not stop as they should. Its message says why; the cause is the first.',
  },
  CLOCK_ADVANCE_INVALID: {
    kind: 'input',
    text: 'A test was to move a FakeClock by what is no finite number of ms of at least 0. Correct the call.',
  },
  DEADLINE_EXCEEDED: {
    kind: 'deadline',
    text: 'The deadline of a call passed before the host answered the client. Give it more time or less work.',
  },
  EMA_ALPHA_INVALID: { kind: 'input', text: 'The smoothing factor of an Ema is not above 0 and at most 1. Correct it.' },
  EVENTS_LOST: {
    kind: 'not_ready',
    text: 'The stream of events ended as often in a row as the client was to put up with. Check that the host runs, and follow again.',
  },
  FLOW_INVALID: {
    kind: 'input',
    text: 'A workflow of TypeScript is built in a way that has no meaning, such as with a stage of another one. Its message says how.',
  },
  EVENT_CLASS_INVALID: { kind: 'input', text: 'A class of events is none of `data`, `signal` and `control`. Correct the call.' },
  EVENT_KEY_INVALID: { kind: 'input', text: 'The key of an event is no text, or longer than 1,024 characters. Give a shorter one.' },
  EVENT_NOT_PUBLISHED: {
    kind: 'not_found',
    text: 'A test waited on a RecordingBus for an event that had not come when the bus was closed. Wait for it before the host stops.',
  },
  HOST_UNREACHABLE: { kind: 'not_ready', text: 'The client got no answer. Check that the host runs, and the address.' },
  INPUT_NOT_JSON: { kind: 'input', text: 'The input of a call holds what JSON cannot: a BigInt, a circle. Correct the call.' },
  MAILBOX_CAPACITY_INVALID: {
    kind: 'input',
    text: 'The capacity of a mailbox is no whole number of at least 1 and not Infinity. Correct it.',
  },
  MAILBOX_OPTIONS_INVALID: { kind: 'input', text: 'A mailbox, or a subscription, was given options that are unknown. Correct the call.' },
  MAILBOX_POLICY_INVALID: {
    kind: 'input',
    text: 'The policy of a mailbox, or of a subscription, is none of `drop-newest`, `drop-oldest` and `conflate`. Correct it.',
  },
  OPTION_INVALID: {
    kind: 'input',
    text: 'An option of a plugin was described with words that are unknown or mean nothing, or without a schema; `details` names them.',
  },
  PAYLOAD_INVALID: { kind: 'input', text: 'The payload of an event cannot be frozen or read. Publish plain data.' },
  PERCENTILE_INVALID: { kind: 'input', text: 'A percentile outside of 0 to 1 was asked for. The 99th percentile is 0.99.' },
  PLUGIN_INVALID: {
    kind: 'plugin',
    text: 'What was given to definePlugin cannot be a plugin: a member is missing, of another kind, or has an unknown name; `details` names it.',
  },
  QUEUE_FULL: { kind: 'capacity', text: 'Too many callers wait for a free slot. Call less at once, or try again later.' },
  RESTARTS_EXCEEDED: {
    kind: 'plugin',
    text: 'A supervised part ended too often within a short time, so its supervisor gave up. Find out why it ends; its last error is the cause.',
  },
  SAMPLE_NOT_FINITE: { kind: 'input', text: 'A measurement is NaN or infinite. Leave out what could not be measured.' },
  SEMAPHORE_OPTIONS_INVALID: { kind: 'input', text: 'A semaphore was made with options that are unknown. Correct the call.' },
  SEMAPHORE_SIZE_INVALID: { kind: 'input', text: 'A semaphore was given a size that is no whole number of at least 0. Correct the call.' },
  SKETCH_OPTIONS_INVALID: { kind: 'input', text: 'A PercentileSketch was made with options that are unknown. Correct the call.' },
  STORE_BUSY: { kind: 'not_ready', text: "Another process holds the store's file. End it, or try again later." },
  STORE_CHUNK_INVALID: { kind: 'input', text: 'A stream for the store gave something other than a Uint8Array. Correct its source.' },
  STORE_CLOSED: { kind: 'not_ready', text: 'The store was used after it was closed. Use it only between start and stop.' },
  STORE_CORRUPT: {
    kind: 'config',
    text: 'A file of the store is damaged or missing, or no store at all. Its message names the file. Restore it from a backup, or move it and all files whose names begin with its name away to start empty.',
  },
  STORE_FAILED: { kind: 'invariant', text: 'The store failed in a way nobody foresaw. Please report it with its cause.' },
  STORE_FULL: {
    kind: 'not_ready',
    text: 'The disk is full, or the store has reached its limit. Free space or raise the limit; nothing was lost.',
  },
  STORE_OPTIONS_INVALID: { kind: 'input', text: 'A store was to be opened with options that are unknown. Correct the call.' },
  STORE_PATH_INVALID: {
    kind: 'input',
    text: 'A path is no store path: dw://internal/ and segments, none of them empty or "..", without control characters, at most 1,024 characters.',
  },
  STORE_UNREACHABLE: {
    kind: 'not_ready',
    text: 'The file of the store cannot be opened, read or written. Check that its folder exists and may be written, and the disk.',
  },
  SUPERVISOR_NOT_STARTED: { kind: 'invariant', text: 'A child was handed to a supervisor before its start. Start it first.' },
  STORE_VALUE_INVALID: {
    kind: 'input',
    text: 'What was to be written into the store is no Uint8Array, so nothing was. Encode a text with `new TextEncoder().encode(text)`.',
  },
  STORE_VALUE_MISSING: {
    kind: 'not_found',
    text: 'A value was to be read as a stream and is not there. Ask `exists` before, or write it first.',
  },
  STORE_WRITER_LOST: {
    kind: 'not_ready',
    text: 'The thread that writes the store ended; what it had under way may or may not be stored. Try again: another one starts.',
  },
  SUPERVISOR_OPTIONS_INVALID: {
    kind: 'input',
    text: 'A supervisor was made with options that are unknown or have no meaning. Correct the call.',
  },
  SUPERVISOR_STARTED: { kind: 'invariant', text: 'A supervisor was started after its start or stop. Make a new one instead.' },
  SUPERVISOR_STOPPED: { kind: 'cancelled', text: 'A start was given up because its supervisor stops. Nothing to do.' },
  TOPIC_INVALID: {
    kind: 'input',
    text: 'The name of a topic is not made of a letter followed by letters, digits and . _ : / -. Rename it.',
  },
  TOPIC_LIMIT: {
    kind: 'input',
    text: 'A plugin has named 1,024 topics and may name no more. Use one topic and put what differs into the key.',
  },
  UPLOAD_SOURCE_FAILED: { kind: 'input', text: 'What a client was to upload could not be read; the cause says why.' },
  UPLOAD_SOURCE_INVALID: {
    kind: 'input',
    text: 'What a client was to upload is no bytes, such as a text. Give a Blob, a Uint8Array or a stream of them; encode a text with `new TextEncoder().encode(text)`.',
  },
  WINDOW_INVALID: { kind: 'input', text: 'The window of a PercentileSketch is no finite time above 0. Correct it.' },
});
