/** More edits than this are another word, not a slip of the finger. */
const MAX_EDITS = 3;
/** How many names are compared for all faults of one definition together: a hint must not cost more than the compilation. */
const MAX_COMPARED = 5_000;
/** How many are looked at, most of them too short or too long to be compared. */
const MAX_VISITED = 1_000_000;

/** Finds what a misspelt name was meant to be. The work is bounded: after enough searches it finds nothing any more. */
export class NearestName {
  #comparisons = MAX_COMPARED;
  #visits = MAX_VISITED;

  /** The known name with the fewest edits, at most a third of its letters; undefined when none is near. */
  find(name: string, known: Iterable<string>): string | undefined {
    // of a single letter any other one would be near
    let most = name.length < 2 ? 0 : Math.min(MAX_EDITS, Math.ceil(name.length / 3));
    let nearest: string | undefined;
    for (const candidate of known) {
      this.#visits -= 1;
      if (this.#visits < 0 || this.#comparisons <= 0) break;
      if (Math.abs(candidate.length - name.length) > most) continue;
      this.#comparisons -= 1;
      const count = edits(name, candidate, most);
      if (count > most) continue;
      nearest = candidate;
      most = count - 1;
    }
    return nearest;
  }
}

/** Letters to insert, remove or replace; something above `most` as soon as it must be more. */
function edits(from: string, to: string, most: number): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const cost = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1);
      next.push(cost);
      if (cost < least) least = cost;
    }
    if (least > most) return least;
    row = next;
  }
  return row[to.length]!;
}
