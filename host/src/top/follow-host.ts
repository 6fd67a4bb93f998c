import { type IClock, isBellowsError, messageOf, NotReadyError } from '@bellows/sdk';
import type { HostClient } from '../cli/host-client.js';
import { decisionsOf, statusOf } from './host-answers.js';
import { noData, type TopData, withConnectionLost, withDecisions, withEvent, withStatus } from './top-data.js';

export interface FollowOptions {
  /** Finds the host anew: one that was started again listens elsewhere and has another token. */
  readonly connect: (signal: AbortSignal) => Promise<HostClient>;
  readonly clock: IClock;
  /** Between two readings of the status. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** Called with every change; `reading` says that a new status is in it. Must not throw. */
  readonly onData: (data: TopData, reading: boolean) => void;
}

const TOPICS = 'metrics,decision,status,backpressure';
const DECISIONS = 50;
/** A host that takes longer hangs. */
const ANSWER_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Follows a host until `signal` aborts, then resolves. Rejects when the first connection fails; a connection lost later is told in the
 * data and tried again, with pauses that grow.
 */
export async function followHost(options: FollowOptions): Promise<void> {
  const { signal, clock, onData } = options;
  let data: TopData | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  const update = (next: TopData, reading: boolean) => {
    data = next;
    if (reading) pauseMs = FIRST_PAUSE_MS;
    onData(next, reading);
  };
  while (!signal.aborted) {
    try {
      await session(options, data, update);
    } catch (error) {
      if (signal.aborted) return;
      // Typed wrongly, not allowed, or nobody there: waiting would not help.
      if (data === undefined) throw error;
      update(withConnectionLost(data, shortReason(error)), false);
    }
    await clock.sleep(pauseMs, signal).catch(() => {});
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

/** One connection: readings and events side by side; ends, by throwing, with whichever ends first. */
async function session(
  options: FollowOptions,
  before: TopData | undefined,
  update: (data: TopData, reading: boolean) => void,
): Promise<void> {
  const { clock, intervalMs } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  try {
    const client = await options.connect(signal);
    let data = before ?? noData(client.origin);
    const change = (next: TopData, reading: boolean) => {
      data = next;
      if (!signal.aborted) update(data, reading);
    };
    const ask = <T>(answer: Promise<T>) => withinReason(answer, clock);
    const read = async () =>
      change(withStatus({ ...data, url: client.origin }, statusOf(await ask(client.get('/v1/status'))), clock.monotonicMs()), true);
    const follow = async () => {
      for await (const { event, data: text } of client.events(`/v1/events?topics=${TOPICS}`)) {
        change(withEvent(data, { topic: event, payload: payloadOf(text) }), false);
      }
    };
    const poll = async () => {
      for (;;) {
        await clock.sleep(intervalMs, signal);
        await read();
      }
    };
    await read();
    change(withDecisions(data, decisionsOf(await ask(client.get(`/v1/decisions?limit=${DECISIONS}`)))), false);
    await Promise.race([follow(), poll()]);
  } finally {
    over.abort();
  }
}

async function withinReason<T>(answer: Promise<T>, clock: IClock): Promise<T> {
  const answered = new AbortController();
  const late = clock.sleep(ANSWER_MS, answered.signal).then((): never => {
    throw new NotReadyError('HOST_UNREACHABLE', `The host has not answered within ${ANSWER_MS / 1_000} s.`);
  });
  late.catch(() => {});
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    answered.abort();
  }
}

function payloadOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { payload?: unknown } | null)?.payload;
  } catch {
    return undefined;
  }
}

/** Without the advice how to start a host. */
function shortReason(error: unknown): string {
  const message = messageOf(error).split(': start one')[0] ?? '';
  return isBellowsError(error) ? message.replace(/\.$/, '') : message;
}
