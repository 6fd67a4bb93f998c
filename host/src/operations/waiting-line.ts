import { CRITICALITIES, type Criticality, EFFORTS, type Effort } from '@bellows/sdk';
import type { TenantCalls, UserCalls } from './call-limits.js';

/** What decides whether a call of a user has room. */
export interface CallClass {
  readonly criticality: Criticality;
  readonly effort: Effort;
}

/**
 * Calls that wait for a place: of each user the most critical that has room first, and of one class in the order in which they came;
 * between the users of a tenant and between tenants in turn. Keeps the `waiting` of users and tenants.
 */
export class WaitingLine {
  /** The order of the entries is whose turn it is. */
  readonly #tenants = new Map<TenantCalls, Map<UserCalls, Classes>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The function returned leaves the line; it answers whether the call was still in it. `enter` is called when it is let in. */
  join(user: UserCalls, like: CallClass, enter: () => void): () => boolean {
    let users = this.#tenants.get(user.tenant);
    if (!users) this.#tenants.set(user.tenant, (users = new Map()));
    let classes = users.get(user);
    if (!classes) users.set(user, (classes = new Map()));
    const key = keyOf(like);
    let waiters = classes.get(key);
    if (!waiters) classes.set(key, (waiters = new Set()));
    const waiter: Waiter = { key, enter };
    waiters.add(waiter);
    this.#count(user, 1);
    return () => this.#remove(user, waiter);
  }

  /** Lets in the next call that has room, and puts its tenant and user behind the others. False when there is none. */
  admitNext(hasRoom: (user: UserCalls, like: CallClass) => boolean): boolean {
    for (const [tenant, users] of this.#tenants) {
      for (const [user, classes] of users) {
        const first = firstWithRoom(classes, (like) => hasRoom(user, like));
        if (!first) continue;
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
    if (!users?.get(user)?.get(waiter.key)?.delete(waiter)) return false;
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
  readonly key: string;
  readonly enter: () => void;
}

type Classes = Map<string, Set<Waiter>>;

/** The most critical first. */
const CLASSES: readonly (CallClass & { readonly key: string })[] = CRITICALITIES.flatMap((criticality) =>
  EFFORTS.map((effort) => ({ criticality, effort, key: keyOf({ criticality, effort }) })),
);

function keyOf({ criticality, effort }: CallClass): string {
  return `${criticality} ${effort}`;
}

function firstWithRoom(classes: Classes, hasRoom: (like: CallClass) => boolean): Waiter | undefined {
  for (const like of CLASSES) {
    const [first] = classes.get(like.key) ?? [];
    if (first && hasRoom(like)) return first;
  }
  return undefined;
}

function toEnd<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
}
