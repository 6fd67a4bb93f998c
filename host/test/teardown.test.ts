import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { TeardownStack, within } from '../src/teardown.js';

const create = (clock = new FakeClock()) => ({ clock, stack: new TeardownStack({ clock, logger: silentLogger }) });
const never = () => new Promise<void>(() => {});

describe('TeardownStack', () => {
  it('releases last in first out, one after the other, whatever the kind', async () => {
    const { stack } = create();
    const released: string[] = [];
    stack.add(() => void released.push('function'));
    stack.add({ [Symbol.dispose]: () => void released.push('disposable') });
    stack.add({
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve();
        released.push('async');
      },
    });
    expect(await stack.release(1_000)).toBe(true);
    expect(released).toEqual(['async', 'disposable', 'function']);
  });

  it('goes on after one that throws or rejects, and says it was not clean', async () => {
    const { stack } = create();
    const released: string[] = [];
    stack.add(() => void released.push('first'));
    stack.add(() => {
      throw new Error('no');
    });
    stack.add(() => Promise.reject(new Error('no')));
    expect(await stack.release(1_000)).toBe(false);
    expect(released).toEqual(['first']);
  });

  it('gives up what does not let go in time and still releases the rest', async () => {
    const { clock, stack } = create();
    const released: string[] = [];
    stack.add(() => void released.push('rest'));
    stack.add(never);
    const done = stack.release(1_000);
    await clock.advance(1_000);
    expect(await done).toBe(false);
    expect(released).toEqual(['rest']);
  });

  it('releases each thing once, also when asked twice', async () => {
    const { stack } = create();
    let count = 0;
    stack.add(() => void (count += 1));
    await Promise.all([stack.release(1_000), stack.release(1_000)]);
    expect(count).toBe(1);
  });

  it('answers a second call when the first one has ended, in the same order of releases', async () => {
    const { stack } = create();
    const released: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    stack.add(() => void released.push('under it'));
    stack.add(() => promise);
    const both = [stack.release(1_000), stack.release(1_000)];
    await Promise.resolve();
    expect(released).toEqual([]);
    resolve();
    expect(await Promise.all(both)).toEqual([true, true]);
    expect(released).toEqual(['under it']);
  });

  it('releases at once what is added after the release', async () => {
    const { stack } = create();
    await stack.release(1_000);
    let count = 0;
    stack.add(() => void (count += 1));
    expect(count).toBe(1);
  });
});

describe('within', () => {
  it('answers undefined when time is up, and swallows what comes later', async () => {
    const clock = new FakeClock();
    const { promise, reject } = Promise.withResolvers<number>();
    const waiting = within(clock, 100, promise);
    await clock.advance(100);
    expect(await waiting).toBeUndefined();
    reject(new Error('late'));
  });

  it('answers the value in time and leaves no timer behind', async () => {
    const clock = new FakeClock();
    expect(await within(clock, 100, Promise.resolve(7))).toBe(7);
    expect(clock.pending).toBe(0);
  });
});
