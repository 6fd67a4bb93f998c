import type { TenantCalls, UserCalls } from './call-limits.js';

/**
 * Calls that wait for a place: of each user in the order in which they came, between the users of a tenant and between tenants in turn.
 * Keeps the `waiting` of users and tenants.
 */
export class WaitingLine {
  /** The order of the entries is whose turn it is. */
  readonly #tenants = new Map<TenantCalls, Map<UserCalls, Set<Waiter>>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The function returned leaves the line; it answers whether the call was still in it. `enter` is called when it is let in. */
  join(user: UserCalls, enter: () => void): () => boolean {
    let users = this.#tenants.get(user.tenant);
    if (!users) this.#tenants.set(user.tenant, (users = new Map()));
    let waiters = users.get(user);
    if (!waiters) users.set(user, (waiters = new Set()));
    const waiter: Waiter = { enter };
    waiters.add(waiter);
    this.#count(user, 1);
    return () => this.#remove(user, waiter);
  }

  /** Lets in the next call whose user has room, and puts its tenant and user behind the others. False when there is none. */
  admitNext(hasRoom: (user: UserCalls) => boolean): boolean {
    for (const [tenant, users] of this.#tenants) {
      for (const [user, waiters] of users) {
        const [first] = waiters;
        if (!first || !hasRoom(user)) continue;
        toEnd(this.#tenants, tenant, users);
        toEnd(users, user, waiters);
        this.#remove(user, first);
        first.enter();
        return true;
      }
    }
    return false;
  }

  #remove(user: UserCalls, waiter: Waiter): boolean {
    const users = this.#tenants.get(user.tenant);
    const waiters = users?.get(user);
    if (!users || !waiters?.delete(waiter)) return false;
    if (waiters.size === 0) users.delete(user);
    if (users.size === 0) this.#tenants.delete(user.tenant);
    this.#count(user, -1);
    return true;
  }

  #count(user: UserCalls, change: 1 | -1): void {
    this.#length += change;
    user.waiting += change;
    user.tenant.waiting += change;
  }
}

interface Waiter {
  readonly enter: () => void;
}

function toEnd<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
}
