import { describe, expect, it } from '@jest/globals';
import { Background, type Locks } from '../../dashboard/src/live/background.js';

/** The locks of a browser, shared by its tabs. */
function newLocks(): Locks & { readonly held: Set<string> } {
  const held = new Set<string>();
  return {
    held,
    async request(name, _options, callback) {
      if (held.has(name)) return callback(null);
      const work = callback({ name });
      if (work === undefined) return;
      held.add(name);
      await work;
      held.delete(name);
    },
  };
}

function newTab(locks: Locks | undefined) {
  const tab = { isFollowing: true, fire: () => {} };
  const background = new Background({
    locks,
    connection: {
      pause: () => void (tab.isFollowing = false),
      resume: () => void (tab.isFollowing = true),
    },
    after: (_delayMs, callback) => {
      tab.fire = callback;
      return () => {
        tab.fire = () => {};
      };
    },
  });
  return Object.assign(tab, { set: (isHidden: boolean) => background.set(isHidden) });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a tab that nobody looks at', () => {
  it('goes on following when it is one of the first three, so that a browser has connections left', async () => {
    const locks = newLocks();
    const tabs = Array.from({ length: 8 }, () => newTab(locks));
    for (const tab of tabs) tab.set(true);
    await settled();
    expect(tabs.map(({ isFollowing }) => isFollowing)).toEqual([true, true, true, false, false, false, false, false]);
    tabs[7]?.set(false);
    tabs[0]?.set(false);
    await settled();
    expect([tabs[7]?.isFollowing, tabs[0]?.isFollowing, locks.held.size]).toEqual([true, true, 2]);
  });

  it('keeps its connection for a while after it was looked at, then asks for one of the three', async () => {
    const locks = newLocks();
    const [first, ...others] = Array.from({ length: 4 }, () => newTab(locks));
    for (const tab of others) tab.set(true);
    first?.set(false);
    first?.set(true);
    await settled();
    expect(first?.isFollowing).toBe(true);
    first?.fire();
    await settled();
    expect(first?.isFollowing).toBe(false);
    others[0]?.set(false);
    first?.set(false);
    first?.set(true);
    await settled();
    first?.fire();
    await settled();
    expect([first?.isFollowing, locks.held.size]).toEqual([true, 3]);
  });

  it('follows as soon as it is looked at again, also when that comes while it asks', async () => {
    const locks = newLocks();
    const tab = newTab(locks);
    tab.set(true);
    tab.set(false);
    await settled();
    expect([tab.isFollowing, locks.held.size]).toEqual([true, 0]);
  });

  it('lets go where the browser has no locks', async () => {
    const tab = newTab(undefined);
    tab.set(true);
    await settled();
    expect(tab.isFollowing).toBe(false);
  });
});
