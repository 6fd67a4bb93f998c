import { CancelledError, type IClock, isBellowsError } from '@bellows/sdk';
import type { HostClient } from './host-client.js';

export interface WaitOptions<V> {
  /** `workflow.wait` or `harness.wait`. */
  readonly operation: string;
  readonly id: string;
  readonly clock: IClock;
  /** Looks that often, for progress; without it the host is asked rarely. */
  readonly onLook?: (view: V) => void;
  /** Gives up after so long; default never. */
  readonly timeoutMs?: number;
  /** Told to whoever interrupts: the work goes on. */
  readonly comeBack: string;
  hasEnded(view: V): boolean;
}

/** As often as a person sees a difference. */
const LOOK_MS = 500;
/** The host answers at once when the work has ended; this is only so that no connection is silent for ever. */
const QUIET_LOOK_MS = 20_000;

/**
 * Asks until the work has ended or the time is up, and answers the last view. Nothing of it stops the work:
 * `CancelledError` (`INTERRUPTED`) says how to come back.
 */
export async function waitUntilEnded<V>(
  client: HostClient,
  options: WaitOptions<V>,
): Promise<{ readonly view: V; readonly ended: boolean }> {
  const { operation, id, clock, onLook, timeoutMs = Number.POSITIVE_INFINITY, comeBack, hasEnded } = options;
  const until = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const leftMs = Math.max(0, until - clock.monotonicMs());
    const lookMs = Math.ceil(Math.min(leftMs, onLook ? LOOK_MS : QUIET_LOOK_MS));
    const view = await client.call<V>(operation, { id, timeoutMs: lookMs }).catch((error: unknown) => {
      if (isBellowsError(error) && error.code === 'INTERRUPTED') throw new CancelledError('INTERRUPTED', comeBack, { cause: error });
      throw error;
    });
    onLook?.(view);
    if (hasEnded(view)) return { view, ended: true };
    if (clock.monotonicMs() >= until) return { view, ended: false };
  }
}
