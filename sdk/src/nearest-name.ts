import { distance } from 'fastest-levenshtein';

/** Comparing costs length times length; no name of ours is longer. */
const MAX_COMPARED_LENGTH = 64;

/** The known name a typing error away from `given` (a third of its letters and one: `prot` finds `port`), or undefined. */
export function nearestName(given: string, known: Iterable<string>): string | undefined {
  if (given.length > MAX_COMPARED_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Math.floor(given.length / 3) + 2;
  for (const name of known) {
    if (name.length > MAX_COMPARED_LENGTH) continue;
    const steps = distance(given.toLowerCase(), name.toLowerCase());
    if (steps < bestDistance && steps < name.length) {
      best = name;
      bestDistance = steps;
    }
  }
  return best;
}
