import { absentError } from './operation-errors.js';

/** Operations whose plugin is away for a moment, so that callers hear to come back and not that there is no such operation. */
export class AbsentOperations {
  readonly #namesOf = new Map<string, Set<string>>();

  /** Adds to what is known of the plugin, until {@link forget}. */
  note(plugin: string, names: Iterable<string>): void {
    const known = this.#namesOf.get(plugin) ?? new Set();
    for (const name of names) known.add(name);
    this.#namesOf.set(plugin, known);
  }

  forget(plugin: string): void {
    this.#namesOf.delete(plugin);
  }

  /** `NotReadyError` (`OPERATION_STOPPING`) for a name whose plugin is away. */
  demandNotAbsent(name: string): void {
    for (const [plugin, names] of this.#namesOf) if (names.has(name)) throw absentError(name, plugin);
  }
}
