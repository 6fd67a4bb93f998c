import type { ErrorDetail } from './errors.js';
import { kindOfValue } from './kind-of-value.js';
import { nearestName } from './nearest-name.js';

/** The names in an object of options; the compiler sees to it that it holds all of them and no other. */
export function optionNames<T extends object>(names: Readonly<Record<keyof T & string, true>>): readonly string[] {
  return Object.freeze(Object.keys(names));
}

/**
 * What is wrong with `given` as an object of options called `path`: that it is none, or has names that mean nothing there, which would
 * otherwise be ignored. For what the compiler does not see: programs in JavaScript, and objects that were put together before. An instance of
 * a class may have more than was asked for.
 */
export function optionProblems(given: unknown, known: readonly string[], path: string): readonly ErrorDetail[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return [{ path, message: `must be an object with ${listed(known)}, and is ${kindOfValue(given)}` }];
  }
  if (![Object.prototype, null].includes(Object.getPrototypeOf(given))) return [];
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  return unknown.slice(0, MAX_TOLD).map((name) => {
    const near = nearestName(name, known);
    const place = `${path}.${name.slice(0, MAX_SHOWN_LENGTH)}`;
    if (near === undefined) return { path: place, message: `is unknown: there are ${listed(known)}` };
    return { path: place, message: `is unknown: did you mean ${near}?`, suggestion: near };
  });
}

/** `retry.maxAtempts is unknown: did you mean maxAttempts?; url must be …`: all of them in one sentence. */
export function problemText(problems: readonly ErrorDetail[]): string {
  return problems.map(({ path, message }) => `${path} ${message}`).join('; ');
}

function listed(known: readonly string[]): string {
  return known.length === 0 ? 'nothing' : known.join(', ');
}

/** Nobody writes more wrong names than these by hand. */
const MAX_TOLD = 20;
const MAX_SHOWN_LENGTH = 80;
