import fc from 'fast-check';
import { knownCodes } from './known-codes.mjs';

/** A case that is answered takes a few ms. */
const CASE_MS = 15_000;
const GUARDED = [Object, Array, Function, String, Number, Boolean, Promise, Map, Set, RegExp, Error].map((one) => one.prototype);
const GUARDED_KEYS = GUARDED.map((one) => Reflect.ownKeys(one).length);
/** A counterexample that is longer is no help. */
const MAX_SHOWN = 4_000;

/**
 * Runs so many cases of a target, the same ones for the same seed. Answers the first broken promise with the smallest case that breaks it,
 * or how the cases ended, by kind, so that one sees whether they reached anything.
 */
export async function runTarget(target, { seed, cases, watchdog }) {
  const startedAt = performance.now();
  const outcomes = new Map();
  const stray = [];
  const onStray = (error) => stray.push(error);
  process.on('unhandledRejection', onStray);
  process.on('uncaughtException', onStray);
  const opened = await target.open();
  try {
    const property = fc.asyncProperty(opened.arbitrary, async (value) => {
      watchdog.beat();
      const outcome = await within(opened.check(value));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (stray.length > 0) throw new Error(`nobody caught: ${textOf(stray.splice(0)[0])}`);
      demandCleanPrototypes();
    });
    const { failed, counterexample, errorInstance } = await fc.check(property, { seed, numRuns: cases, endOnFailure: false });
    const ms = performance.now() - startedAt;
    const sorted = [...outcomes].sort(([, a], [, b]) => b - a);
    if (!failed) return { ms, outcomes: sorted };
    return { ms, outcomes: sorted, failure: textOf(errorInstance), counterexample: shown(counterexample) };
  } finally {
    await opened.close?.();
    process.off('unhandledRejection', onStray);
    process.off('uncaughtException', onStray);
  }
}

/** How a call ended: its code, or that it was answered. Throws when it failed in a way that is not a caller's to mend. */
export function outcomeOf(error) {
  const { code, kind, message } = error ?? {};
  if (typeof code !== 'string' || typeof kind !== 'string') throw new Error(`no error of ours: ${textOf(error)}`);
  demandKnown(code, message);
  if (kind === 'invariant' || kind === 'plugin') throw new Error(`bad input is called our fault: ${code}: ${message}`);
  return code;
}

export function demandKnown(code, message) {
  if (!knownCodes.has(code)) throw new Error(`the code ${code} is in no table`);
  if (typeof message !== 'string' || message.trim() === '') throw new Error(`${code} has no message`);
}

async function within(promise) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CASE_MS / 1000} s`)), CASE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function demandCleanPrototypes() {
  for (const [index, one] of GUARDED.entries()) {
    const keys = Reflect.ownKeys(one);
    if (keys.length === GUARDED_KEYS[index]) continue;
    for (const key of keys.slice(GUARDED_KEYS[index])) delete one[key];
    throw new Error(`the prototype of ${one.constructor.name} has a new key: ${String(keys.at(-1))}`);
  }
}

function textOf(error) {
  try {
    return error?.stack ?? String(error);
  } catch {
    return 'an error that cannot be shown';
  }
}

function shown(counterexample) {
  try {
    return fc.stringify(counterexample).slice(0, MAX_SHOWN);
  } catch {
    return 'a case that cannot be shown';
  }
}
