import { CRITICALITIES, type Criticality } from '@bellows/sdk';
import type { TenantCalls, UserCalls } from './call-limits.js';

/**
 * Calls that wait for a place: of each user the most critical first, and of one class in the order in which they came; between the users
 * of a tenant and between tenants in turn. Keeps the `waiting` of users and tenants.
 */
export class WaitingLine {
  /** The order of the entries is whose turn it is. */
  readonly #tenants = new Map<TenantCalls, Map<UserCalls, Classes>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The function returned leaves the line; it answers whether the call was still in it. `enter` is called when it is let in. */
  join(user: UserCalls, criticality: Criticality, enter: () => void): () => boolean {
    let users = this.#tenants.get(user.tenant);
    if (!users) this.#tenants.set(user.tenant, (users = new Map()));
    let classes = users.get(user);
    if (!classes) users.set(user, (classes = new Map()));
    let waiters = classes.get(criticality);
    if (!waiters) classes.set(criticality, (waiters = new Set()));
    const waiter: Waiter = { criticality, enter };
    waiters.add(waiter);
    this.#count(user, 1);
    return () => this.#remove(user, waiter);
  }

  /** Lets in the next call that has room, and puts its tenant and user behind the others. False when there is none. */
  admitNext(hasRoom: (user: UserCalls, criticality: Criticality) => boolean): boolean {
    for (const [tenant, users] of this.#tenants) {
      for (const [user, classes] of users) {
        const first = mostCritical(classes);
        // A class has room where any less critical one has.
        if (!first || !hasRoom(user, first.criticality)) continue;
        toEnd(this.#tenants, tenant, users);
        toEnd(users, user, classes);
        this.#remove(user, first);
        first.enter();
        return true;
      }
    }
    return false;
  }

  #remove(user: UserCalls, waiter: Waiter): boolean {
    const users = this.#tenants.get(user.tenant);
    if (!users?.get(user)?.get(waiter.criticality)?.delete(waiter)) return false;
    this.#count(user, -1);
    if (user.waiting === 0) users.delete(user);
    if (users.size === 0) this.#tenants.delete(user.tenant);
    return true;
  }

  #count(user: UserCalls, change: 1 | -1): void {
    this.#length += change;
    user.waiting += change;
    user.tenant.waiting += change;
  }
}

interface Waiter {
  readonly criticality: Criticality;
  readonly enter: () => void;
}

type Classes = Map<Criticality, Set<Waiter>>;

function mostCritical(classes: Classes): Waiter | undefined {
  for (const name of CRITICALITIES) {
    const [first] = classes.get(name) ?? [];
    if (first) return first;
  }
  return undefined;
}

function toEnd<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
}
