const REFUSALS = ['TENANT_LIMIT', 'INSTANCE_LIMIT', 'LOAD_SHED'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Each tenant is up to three time series of whoever scrapes. */
const MAX_TENANTS = 200;
/** All tenants that are not told apart, together. */
const OTHERS = '(other)';
const DEFAULT = 'default';

/**
 * Calls that were refused before their handlers saw them, by tenant. Callers choose the names of tenants, so only those that the
 * configuration names are told apart, and `default`.
 */
export class RefusalCounts {
  readonly #counts = new Map<string, Record<Refusal, number>>([[DEFAULT, noRefusals()]]);
  #named: ReadonlySet<string> = new Set();

  /** Which tenants are told apart from now on. What was counted stays. */
  setTenants(names: Iterable<string>): void {
    this.#named = new Set(names);
  }

  /** A code that is no refusal is not counted. */
  count(tenant: string, code: string): void {
    const refusal = REFUSALS.find((one) => one === code);
    if (refusal !== undefined) this.#countsOf(tenant)[refusal] += 1;
  }

  all(): readonly { readonly tenant: string; readonly code: Refusal; readonly count: number }[] {
    return [...this.#counts].flatMap(([tenant, counts]) => REFUSALS.map((code) => ({ tenant, code, count: counts[code] })));
  }

  #countsOf(tenant: string): Record<Refusal, number> {
    const known = this.#counts.get(tenant);
    if (known) return known;
    const name = this.#named.has(tenant) && this.#counts.size < MAX_TENANTS ? tenant : OTHERS;
    let counts = this.#counts.get(name);
    if (!counts) this.#counts.set(name, (counts = noRefusals()));
    return counts;
  }
}

function noRefusals(): Record<Refusal, number> {
  return { TENANT_LIMIT: 0, INSTANCE_LIMIT: 0, LOAD_SHED: 0 };
}
