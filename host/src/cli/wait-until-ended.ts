import { CancelledError, type IClock, isBellowsError, NotReadyError } from '@bellows/sdk';
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
  /** What goes on, for whoever loses the host: `run order-7`. */
  readonly what: string;
  hasEnded(view: V): boolean;
}

/** As often as a person sees a difference. */
const LOOK_MS = 500;
/** The host answers at once when the work has ended; this is only so that no connection is silent for ever. */
const QUIET_LOOK_MS = 20_000;

/**
 * Asks until the work has ended or the time is up, and answers the last view. Nothing of it stops the work:
 * `CancelledError` (`INTERRUPTED`) and `NotReadyError` (the host has gone) say how to come back.
 */
export async function waitUntilEnded<V>(
  client: HostClient,
  options: WaitOptions<V>,
): Promise<{ readonly view: V; readonly ended: boolean }> {
  const { operation, id, clock, onLook, timeoutMs = Number.POSITIVE_INFINITY, hasEnded } = options;
  const until = clock.monotonicMs() + timeoutMs;
  for (let isFirst = true; ; isFirst = false) {
    const leftMs = Math.max(0, until - clock.monotonicMs());
    const lookMs = Math.ceil(Math.min(leftMs, onLook ? LOOK_MS : QUIET_LOOK_MS));
    const view = await client.call<V>(operation, { id, timeoutMs: lookMs }).catch((error: unknown) => {
      throw explained(error, { ...options, isFirst });
    });
    onLook?.(view);
    if (hasEnded(view)) return { view, ended: true };
    if (clock.monotonicMs() >= until) return { view, ended: false };
  }
}

/** Codes of a host that is not there, or goes. */
const HOST_GONE: ReadonlySet<string> = new Set(['HOST_UNREACHABLE', 'HOST_STOPPING', 'OPERATION_STOPPING']);

function explained(error: unknown, { comeBack, what, operation, id, isFirst }: Explained): unknown {
  if (!isBellowsError(error)) return error;
  if (error.code === 'INTERRUPTED') return new CancelledError('INTERRUPTED', comeBack, { cause: error });
  // Where nobody has answered yet nothing is known of the work.
  const wasThere = !isFirst || (error.cause as { readonly code?: unknown } | undefined)?.code !== 'ECONNREFUSED';
  if (!HOST_GONE.has(error.code) || !wasThere) return error;
  const again = `bellows ${operation.replace('.', ' ')} ${id}`;
  const message = `${error.message.replace(/\.?$/, '.')} The ${what} goes on after the host starts again; wait for it then with "${again}".`;
  return new NotReadyError(error.code, message, { cause: error });
}

interface Explained {
  readonly operation: string;
  readonly id: string;
  readonly comeBack: string;
  readonly what: string;
  readonly isFirst: boolean;
}
