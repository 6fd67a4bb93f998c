import { messageOf, PluginError } from '../errors.js';

/** Runs the named promises one after the other; the first one that does not hold rejects with `PluginError` (`CHECK_FAILED`). */
export async function checkPromises(subject: string, promises: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  for (const [promise, check] of Object.entries(promises)) {
    try {
      await check();
    } catch (error) {
      throw new PluginError('CHECK_FAILED', `${subject} breaks its promise "${promise}": ${messageOf(error)}`, { cause: error });
    }
  }
}

export function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** What the call rejects with; itself throws when it does not reject or throws at once. */
export async function rejectionOf(what: string, call: () => Promise<unknown>): Promise<unknown> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    throw new Error(`${what} threw at once instead of rejecting: ${messageOf(error)}`);
  }
  return promise.then(
    () => {
      throw new Error(`${what} was accepted`);
    },
    (error: unknown) => error,
  );
}
