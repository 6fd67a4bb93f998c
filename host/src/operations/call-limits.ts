import { CapacityError, type Criticality, type ScalingLimits } from '@bellows/sdk';
import { WaitingLine } from './waiting-line.js';

/** What a host counts by itself for everybody who calls. */
export type CallerLimits = Partial<Pick<ScalingLimits, 'maxConcurrentOperations' | 'maxQueueDepth'>>;

export interface TenantLimits {
  /** Of all calls of this tenant together. */
  readonly limits?: CallerLimits | undefined;
  /** Per user; `default` holds for every user that is not named. */
  readonly users?: Readonly<Record<string, CallerLimits>>;
}

/** The section `tenants` of the configuration; `default` holds for every tenant that is not named, each counted alone. */
export type TenantsConfig = Readonly<Record<string, TenantLimits>>;

export interface CallLimitsOptions {
  readonly tenants?: TenantsConfig;
  /** All calls of the host, and the last of the places for critical ones only. Default 10,000: each holds its input, and past that a host only queues what it cannot serve. */
  readonly maxConcurrentOperations?: number;
}

/** A guess at when a place is free again: calls are mostly shorter than this. */
const RETRY_AFTER_MS = 1_000;
/**
 * Up to which share of the host's places each class is let in, so that a flood of what may wait leaves room for what may not. A host of
 * few places keeps none back.
 */
const SHARE_OF_INSTANCE: Readonly<Record<Criticality, number>> = { critical: 1, degraded: 0.95, best_effort: 0.9, bulk: 0.8 };
/** Of all tenants together. Where tokens are not bound, callers may name as many tenants as they like, each with a line of its own. */
const MAX_WAITING = 10_000;

/** The calls of one user of a tenant. Made with its first call and dropped with its last one: names come from callers. */
export interface UserCalls {
  readonly name: string;
  readonly tenant: TenantCalls;
  inUse: number;
  waiting: number;
}

/** The same of a tenant. */
export interface TenantCalls {
  readonly name: string;
  readonly users: Map<string, UserCalls>;
  inUse: number;
  waiting: number;
}

/** A call as its limits see it. */
export interface Caller {
  readonly tenant: string;
  readonly user: string;
  readonly criticality: Criticality;
  /** Aborts when the call is ended early. */
  readonly signal: AbortSignal;
}

/**
 * How many calls run: of the instance, of each tenant, of each user in it. A call needs a place at all three. Where it finds none it
 * waits, as far as `maxQueueDepth` of its tenant or user lets it, or is refused. Who waits is let in tenant by tenant, and within a
 * tenant user by user, so that a long line of one holds up nobody else.
 */
export class CallLimits {
  readonly #tenants = new Map<string, TenantCalls>();
  readonly #line = new WaitingLine();
  readonly #maxOfInstance: number;
  readonly #placesOf: ReadonlyMap<string, number>;
  #config: TenantsConfig = {};
  #hasTenants = false;
  #inUse = 0;

  constructor(options: CallLimitsOptions = {}) {
    this.#maxOfInstance = options.maxConcurrentOperations ?? 10_000;
    const shares = Object.entries(SHARE_OF_INSTANCE);
    this.#placesOf = new Map(shares.map(([name, share]) => [name, Math.ceil(this.#maxOfInstance * share)]));
    this.setTenants(options.tenants ?? {});
  }

  /** Running calls are never ended, and those that wait go on waiting; what has room now is let in. */
  setTenants(tenants: TenantsConfig): void {
    this.#config = tenants;
    this.#hasTenants = Object.keys(tenants).length > 0;
    this.#admit();
  }

  /** Names with a call running or waiting. */
  get tenantsInUse(): number {
    return this.#tenants.size;
  }

  /**
   * Takes a place; the function it gives (or resolves with) gives it back, once. Throws `CapacityError` where there is neither a place
   * nor room to wait. Waiting rejects with the reason of the call's end when that comes first; then nothing is taken.
   */
  take(caller: Caller): (() => void) | Promise<() => void> {
    const user = this.#userOf(caller);
    const full = this.#fullLevel(user, caller.criticality);
    // Nobody is overtaken: while a place is free, nobody waits who may have it.
    if (full === undefined) return this.#enter(user);
    if (this.#mayWait(user)) return this.#wait(user, caller);
    this.#forget(user);
    throw refusalError(full);
  }

  #userOf({ tenant: tenantName, user: name }: Caller): UserCalls {
    let tenant = this.#tenants.get(tenantName);
    if (!tenant) this.#tenants.set(tenantName, (tenant = { name: tenantName, users: new Map(), inUse: 0, waiting: 0 }));
    let user = tenant.users.get(name);
    if (!user) tenant.users.set(name, (user = { name, tenant, inUse: 0, waiting: 0 }));
    return user;
  }

  #enter(user: UserCalls): () => void {
    this.#count(user, 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#count(user, -1);
      this.#forget(user);
      if (this.#line.length > 0) this.#admit();
    };
  }

  #count(user: UserCalls, change: 1 | -1): void {
    this.#inUse += change;
    user.inUse += change;
    user.tenant.inUse += change;
  }

  #wait(user: UserCalls, { criticality, signal }: Caller): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        if (!leave()) return;
        this.#forget(user);
        reject(signal.reason);
      };
      const leave = this.#line.join(user, criticality, () => {
        signal.removeEventListener('abort', giveUp);
        resolve(this.#enter(user));
      });
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** One after the other, because each that enters changes what the next one may. */
  #admit(): void {
    const hasRoom = (user: UserCalls, criticality: Criticality) => this.#fullLevel(user, criticality) === undefined;
    while (this.#inUse < this.#maxOfInstance && this.#line.admitNext(hasRoom));
  }

  /** Of the three levels the first at which there is no place. */
  #fullLevel(user: UserCalls, criticality: Criticality): Level | undefined {
    const limit = this.#placesOf.get(criticality) ?? this.#maxOfInstance;
    if (this.#inUse >= limit) return { scope: 'instance', name: criticality, inUse: this.#inUse, limit };
    if (!this.#hasTenants) return undefined;
    return this.#fullAt('tenant', user) ?? this.#fullAt('user', user);
  }

  #fullAt(scope: 'tenant' | 'user', user: UserCalls): Level | undefined {
    const limit = this.#limitsOf(scope, user)?.maxConcurrentOperations;
    const { name, inUse } = scope === 'tenant' ? user.tenant : user;
    return limit === undefined || inUse < limit ? undefined : { scope, name, inUse, limit };
  }

  #mayWait(user: UserCalls): boolean {
    const ofTenant = this.#limitsOf('tenant', user)?.maxQueueDepth;
    const ofUser = this.#limitsOf('user', user)?.maxQueueDepth;
    if (ofTenant === undefined && ofUser === undefined) return false;
    const { POSITIVE_INFINITY: ANY } = Number;
    const isRoom = user.tenant.waiting < (ofTenant ?? ANY) && user.waiting < (ofUser ?? ANY);
    return isRoom && this.#line.length < MAX_WAITING;
  }

  #limitsOf(scope: 'tenant' | 'user', user: UserCalls): CallerLimits | undefined {
    const rules = entryOf(this.#config, user.tenant.name);
    return scope === 'tenant' ? rules?.limits : rules?.users && entryOf(rules.users, user.name);
  }

  #forget(user: UserCalls): void {
    const { tenant } = user;
    if (user.inUse + user.waiting > 0) return;
    if (tenant.users.get(user.name) === user) tenant.users.delete(user.name);
    if (tenant.users.size === 0 && this.#tenants.get(tenant.name) === tenant) this.#tenants.delete(tenant.name);
  }
}

interface Level {
  readonly scope: 'instance' | 'tenant' | 'user';
  /** Of the tenant or user; of the instance the class that finds no place. */
  readonly name: string;
  readonly inUse: number;
  readonly limit: number;
}

function refusalError({ scope, name, inUse, limit }: Level): CapacityError {
  const isInstance = scope === 'instance';
  const who = isInstance ? 'This host' : `The ${scope} ${JSON.stringify(name)}`;
  const may = isInstance ? `takes ${name} calls up to ${limit}` : `may have ${limit}`;
  return new CapacityError(
    isInstance ? 'INSTANCE_LIMIT' : 'TENANT_LIMIT',
    `${who} has ${inUse} operations running and ${may}: try again when some have ended.`,
    {
      phase: 'call',
      retryAfterMs: RETRY_AFTER_MS,
      data: { scope, limit, inUse },
    },
  );
}

function entryOf<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  if (Object.hasOwn(entries, name)) return entries[name];
  return Object.hasOwn(entries, 'default') ? entries.default : undefined;
}
