import {
  type BellowsError,
  type IClock,
  isBellowsError,
  isKind,
  messageOf,
  PluginError,
  type Reconfiguration,
  type Reconfigure,
} from '@bellows/sdk';
import { within } from '../teardown.js';

/** How it ended. `isIntact`: it runs with the configuration it had; where it does not, it must be started again with that one. */
export type LiveOutcome =
  | { readonly isTaken: true }
  | { readonly isTaken: false; readonly isIntact: boolean; readonly error: BellowsError };

interface LiveChange {
  readonly plugin: string;
  readonly apply: Reconfigure;
  readonly change: Omit<Reconfiguration, 'signal'>;
  readonly clock: IClock;
  /** Aborts when the plugin is stopped. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** How long it may go on after it was told that its time is up, before it is given up. */
  readonly settleMs: number;
}

/**
 * Has a plugin take a change over. One that refuses has changed nothing; after any other failure it is asked to take the old
 * configuration back, but not while the first call still runs: calls come one at a time. Never rejects.
 */
export async function changeLive(live: LiveChange): Promise<LiveOutcome> {
  const { change } = live;
  const first = await attempt(live, change);
  if (first.error === undefined) return { isTaken: true };
  const { error, hasEnded } = first;
  if (isKind(error, 'refused')) return { isTaken: false, isIntact: true, error };
  if (!hasEnded || live.signal.aborted) return { isTaken: false, isIntact: false, error };
  const back = await attempt(live, { config: change.previous, previous: change.config, changed: change.changed });
  return { isTaken: false, isIntact: back.error === undefined, error };
}

/** `hasEnded`: the handler does not run any more. */
async function attempt(
  { plugin, apply, clock, signal, timeoutMs, settleMs }: LiveChange,
  change: LiveChange['change'],
): Promise<{ readonly error?: BellowsError; readonly hasEnded: boolean }> {
  const abort = new AbortController();
  const onStop = () => abort.abort(signal.reason);
  signal.addEventListener('abort', onStop, { once: true });
  try {
    const handling = (async () => apply(Object.freeze({ ...change, signal: abort.signal })))().then(
      () => ({ hasEnded: true }),
      (thrown: unknown) => ({ hasEnded: true, error: asError(plugin, thrown) }),
    );
    const stopped = new Promise<undefined>((resolve) => {
      if (abort.signal.aborted) resolve(undefined);
      abort.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const inTime = await within(clock, timeoutMs, Promise.race([handling, stopped]));
    if (inTime !== undefined) return inTime;
    if (signal.aborted) return { hasEnded: false, error: asError(plugin, signal.reason) };
    const late = new PluginError(
      'PLUGIN_TIMEOUT',
      `plugin ${plugin} did not take its new configuration over within ${timeoutMs} ms: mend it, or raise plugins.${plugin}.activateTimeoutMs`,
      { plugin, phase: 'reconfigure' },
    );
    abort.abort(late);
    return { hasEnded: (await within(clock, settleMs, handling)) !== undefined, error: late };
  } finally {
    signal.removeEventListener('abort', onStop);
  }
}

function asError(plugin: string, thrown: unknown): BellowsError {
  if (isBellowsError(thrown)) return thrown;
  return new PluginError('PLUGIN_THREW', `plugin ${plugin} failed while it took its new configuration over: ${messageOf(thrown)}`, {
    plugin,
    phase: 'reconfigure',
    cause: thrown,
  });
}
