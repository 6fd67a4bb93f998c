import { CapacityError, type ScalingLimits } from '@bellows/sdk';

export interface TenantLimits {
  /** Of all calls of this tenant together. */
  readonly limits?: Partial<ScalingLimits> | undefined;
  /** Per user; `default` holds for every user that is not named. */
  readonly users?: Readonly<Record<string, Partial<ScalingLimits>>>;
}

/** The section `tenants` of the configuration; `default` holds for every tenant that is not named, each counted alone. */
export type TenantsConfig = Readonly<Record<string, TenantLimits>>;

export interface CallLimitsOptions {
  readonly tenants?: TenantsConfig;
  /** All calls of the host. Default 10,000: each holds its input, and past that a host only queues what it cannot serve. */
  readonly maxConcurrentOperations?: number;
}

/** A guess at when a place is free again: calls are mostly shorter than this. */
const RETRY_AFTER_MS = 1_000;

/** How many calls run: of the instance, of each tenant, of each user in it. The first ceiling reached refuses. */
export class CallLimits {
  readonly #running = new Map<string, number>();
  readonly #maxOfInstance: number;
  #tenants: TenantsConfig;
  #total = 0;

  constructor(options: CallLimitsOptions = {}) {
    this.#tenants = options.tenants ?? {};
    this.#maxOfInstance = options.maxConcurrentOperations ?? 10_000;
  }

  /** From the next call on; running calls are never ended. */
  setTenants(tenants: TenantsConfig): void {
    this.#tenants = tenants;
  }

  /** Takes a place; the function returned gives it back (once). `CapacityError` when there is none, and nothing is taken. */
  take(tenant: string, user: string): () => void {
    const tenantKey = JSON.stringify([tenant]);
    const userKey = JSON.stringify([tenant, user]);
    const rules = entryOf(this.#tenants, tenant);
    const userRules = rules?.users && entryOf(rules.users, user);
    this.#check('INSTANCE_LIMIT', { scope: 'instance', inUse: this.#total, limit: this.#maxOfInstance });
    this.#check('TENANT_LIMIT', {
      scope: 'tenant',
      name: tenant,
      inUse: this.#of(tenantKey),
      limit: rules?.limits?.maxConcurrentOperations,
    });
    this.#check('TENANT_LIMIT', { scope: 'user', name: user, inUse: this.#of(userKey), limit: userRules?.maxConcurrentOperations });
    this.#add(tenantKey, userKey, 1);
    let held = true;
    return () => {
      if (held) this.#add(tenantKey, userKey, -1);
      held = false;
    };
  }

  #of(key: string): number {
    return this.#running.get(key) ?? 0;
  }

  #add(tenantKey: string, userKey: string, change: 1 | -1): void {
    this.#total += change;
    for (const key of [tenantKey, userKey]) {
      const next = this.#of(key) + change;
      // Names come from callers: one without running calls must leave nothing behind.
      if (next === 0) this.#running.delete(key);
      else this.#running.set(key, next);
    }
  }

  #check(code: string, place: { scope: string; name?: string; inUse: number; limit: number | undefined }): void {
    const { scope, name, inUse, limit } = place;
    if (limit === undefined || inUse < limit) return;
    const who = name === undefined ? 'This host' : `The ${scope} ${JSON.stringify(name)}`;
    throw new CapacityError(code, `${who} has ${inUse} operations running and may have ${limit}: try again when some have ended.`, {
      phase: 'call',
      retryAfterMs: RETRY_AFTER_MS,
      data: { scope, limit, inUse },
    });
  }
}

function entryOf<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  if (Object.hasOwn(entries, name)) return entries[name];
  return Object.hasOwn(entries, 'default') ? entries.default : undefined;
}
