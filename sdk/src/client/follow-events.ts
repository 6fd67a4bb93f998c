import { backoffMs, DEFAULT_BACKOFF } from '../backoff.js';
import { sleepOn } from '../clock.js';
import { type BellowsError, isBellowsError, NotReadyError } from '../errors.js';
import type { BusEvent, EventOf } from '../events.js';
import type { IRandom } from '../random.js';
import type { ClientClock, FollowOptions } from './client-options.js';
import { EventStreamParser, type StreamedEvent } from './event-stream-parser.js';

/** The host says something every 15 s; twice that and more is a connection that is dead and does not know it. */
const SILENCE_MS = 40_000;

export interface FollowParts {
  /** Opens the stream after the event of this id. */
  open(lastEventId: number | undefined, signal: AbortSignal): Promise<Response>;
  readonly clock: ClientClock;
  readonly random: IRandom;
}

/**
 * The events of the host as they come. A stream that breaks is opened again after the last event that came, ever more slowly while that
 * fails. Ends when the signal aborts or whoever iterates stops; throws what no further try can change (no rights, an address that is no host's).
 */
export async function* followEvents<T extends string>(parts: FollowParts, options: FollowOptions<T>): AsyncGenerator<EventOf<T>, void> {
  const { clock, random } = parts;
  const { signal, maxFailures = Number.POSITIVE_INFINITY, onLoss = () => {} } = options;
  let { lastEventId } = options;
  let failures = 0;
  while (!signal?.aborted) {
    const abort = new AbortController();
    const onAbort = () => abort.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    let failure: BellowsError;
    try {
      const blocks = blocksOf(() => parts.open(lastEventId, abort.signal), { abort, clock, onUnreadable: () => onLoss('unreadable') });
      for await (const block of blocks) {
        if (block.event === 'gap') {
          onLoss('gap');
          continue;
        }
        const event = eventOf(block);
        if (event === undefined) {
          onLoss('unreadable');
          continue;
        }
        lastEventId = event.id;
        failures = 0;
        yield event as EventOf<T>;
      }
      failure = lost('it ended the stream of events');
    } catch (error) {
      if (signal?.aborted) return;
      if (!isPassing(error)) throw error;
      failure = error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      abort.abort();
    }
    failures += 1;
    if (failures >= maxFailures) throw failure;
    const pauseMs = Math.max(failure.retryAfterMs ?? 0, backoffMs(failures, random, DEFAULT_BACKOFF));
    // only the signal ends the pause early, and then the loop
    await sleepOn(clock, pauseMs, signal).catch(() => {});
  }
}

interface BlockOptions {
  /** Aborts the connection when nothing comes. */
  readonly abort: AbortController;
  readonly clock: ClientClock;
  readonly onUnreadable: () => void;
}

async function* blocksOf(open: () => Promise<Response>, { abort, clock, onUnreadable }: BlockOptions): AsyncGenerator<StreamedEvent, void> {
  const { body } = await watched(open(), abort, clock);
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventStreamParser();
  try {
    for (;;) {
      const { done, value } = await watched(reader.read(), abort, clock);
      if (done) return;
      const before = parser.tooLarge;
      yield* parser.push(decoder.decode(value, { stream: true }));
      for (let left = before; left < parser.tooLarge; left += 1) onUnreadable();
    }
  } catch (error) {
    throw isBellowsError(error) ? error : lost('the connection broke', error);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Fails when `step` takes so long that the connection must be dead, or when the connection is given up. */
async function watched<T>(step: Promise<T>, abort: AbortController, clock: ClientClock): Promise<T> {
  const given = Promise.withResolvers<never>();
  const onAbort = () => given.reject(lost('the connection was given up', abort.signal.reason));
  if (abort.signal.aborted) onAbort();
  abort.signal.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.setTimer(SILENCE_MS, () => abort.abort());
  try {
    return await Promise.race([step, given.promise]);
  } finally {
    cancel();
    abort.signal.removeEventListener('abort', onAbort);
  }
}

function eventOf({ data }: StreamedEvent): BusEvent | undefined {
  try {
    const given = JSON.parse(data) as Partial<Record<keyof BusEvent, unknown>> | null;
    const { topic, id, at, source, payload = null } = given ?? {};
    if (typeof topic !== 'string' || typeof id !== 'number' || typeof at !== 'number' || typeof source !== 'string') return undefined;
    if (!Number.isSafeInteger(id) || id < 0) return undefined;
    return Object.freeze({ topic, id, at, source, version: 1, payload });
  } catch {
    return undefined;
  }
}

function isPassing(error: unknown): error is BellowsError {
  return isBellowsError(error) && (error.kind === 'not_ready' || error.kind === 'capacity');
}

function lost(what: string, cause?: unknown): NotReadyError {
  return new NotReadyError('EVENTS_LOST', `The stream of events has ended: ${what}.`, { phase: 'call', cause });
}
