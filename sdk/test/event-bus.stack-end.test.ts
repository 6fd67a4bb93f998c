import { describe, expect, it } from '@jest/globals';
import { EventBus } from '../src/event-bus.js';
import type { EventClass } from '../src/events.js';
import { FakeClock } from '../src/testing/fake-clock.js';

/** Calls once, so many frames and words before the stack ends. Answers whether the stack was too short for it. */
function nearEndOfStack(place: Place, call: () => void): boolean {
  let framesToGo = place.frames;
  const state = { begun: false, ended: false };
  const args = new Array<undefined>(place.words);
  function dig(): void {
    try {
      dig();
    } catch {
      // this frame is the last one, or one before
    }
    framesToGo -= 1;
    if (state.begun || framesToGo > 0) return;
    state.begun = true;
    Reflect.apply(call, undefined, args);
    state.ended = true;
  }
  try {
    dig();
  } catch {
    // it was the outermost frame
  }
  return !state.ended;
}

interface Place {
  readonly frames: number;
  readonly words: number;
}

/** From where nothing can be called to where everything can: the first place where a call ends well is followed by a few more only. */
async function atEveryPlace(attempt: (place: Place | undefined) => Promise<boolean>): Promise<number> {
  // what has never been called needs much more of the stack
  for (let times = 0; times < 3; times += 1) await attempt(undefined);
  let [failures, successes] = [0, 0];
  for (let frames = 1; frames < 400 && successes < 30; frames += 1) {
    for (let words = 15; words >= 0; words -= 1) {
      if (await attempt({ frames, words })) failures += 1;
      else successes += 1;
    }
  }
  return failures;
}

function call(place: Place | undefined, what: () => void): boolean {
  if (place !== undefined) return nearEndOfStack(place, what);
  what();
  return false;
}

class Scene {
  readonly bus = new EventBus({ clock: new FakeClock(), source: 'host' });

  join(capacity = 1_024) {
    const heard: unknown[] = [];
    const subscription = this.bus.subscribe('custom', { capacity }, ({ payload }) => void heard.push(payload));
    return { heard, subscription };
  }

  publish(payload: unknown, eventClass: EventClass = 'data'): void {
    this.bus.publish({ topic: 'custom', payload, class: eventClass });
  }
}

const withoutLast = (heard: readonly unknown[]) => heard.filter((payload) => payload !== 'last');

describe('at the end of a stack', () => {
  it.each([
    ['finds all idle', [], 'data', 1_024],
    ['finds all waiting', [0, 1, 2], 'data', 1_024],
    ['does not fit', [0, 1, 2], 'data', 3],
    ['is to be heard first', [0, 1, 2], 'control', 1_024],
  ] as const)('a publish that %s takes nothing away from anyone, nor out of its order', async (_what, before, eventClass, capacity) => {
    const failures = await atEveryPlace(async (place) => {
      const scene = new Scene();
      const all = [scene.join(capacity), scene.join(capacity), scene.join()];
      for (const payload of before) scene.publish(payload);
      const failed = call(place, () => scene.publish('last', eventClass));
      await scene.bus.idle();
      scene.publish('afterwards');
      await scene.bus.idle();
      for (const { heard } of all) {
        expect(withoutLast(heard)).toEqual([...before, 'afterwards']);
        expect(heard.length - withoutLast(heard).length).toBeLessThan(2);
      }
      return failed;
    });
    expect(failures).toBeGreaterThan(10);
  });

  it('an unsubscribe that fails may be tried again, and then nothing waits for it', async () => {
    const failures = await atEveryPlace(async (place) => {
      const scene = new Scene();
      const [stays, leaves] = [scene.join(), scene.join()];
      for (const payload of [0, 1, 2]) scene.publish(payload);
      const failed = call(place, () => leaves.subscription.unsubscribe());
      leaves.subscription.unsubscribe();
      scene.publish(3);
      expect(leaves.subscription.stats().depth).toBe(0);
      await scene.bus.idle();
      expect([stays.heard, leaves.heard]).toEqual([[0, 1, 2, 3], []]);
      return failed;
    });
    expect(failures).toBeGreaterThan(10);
  });
});
