import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planRestart, type RestartType, startsAgain } from '../src/restart-plan.js';

const child = (id: string, restart: RestartType = 'permanent') => ({ id, spec: { restart } });
const ids = (children: readonly { readonly id: string }[]) => children.map(({ id }) => id).join(' ');
const family = [child('a'), child('b', 'temporary'), child('c'), child('d', 'transient')] as const;

describe('planRestart', () => {
  it.each([
    ['one_for_one', '', 'c'],
    ['one_for_all', 'd b a', 'a c d'],
    ['rest_for_one', 'd', 'c d'],
  ] as const)('with %s stops "%s" and starts "%s" when the third of four ends', (strategy, stop, start) => {
    const plan = planRestart(strategy, family, family[2]);
    expect([ids(plan.stop), ids(plan.start)]).toEqual([stop, start]);
  });

  it('stops in the reverse of the order in which it starts, and nobody who ended already', () => {
    const children = fc.array(fc.constantFrom<RestartType>('permanent', 'transient', 'temporary'), { minLength: 1, maxLength: 8 });
    const strategies = fc.constantFrom('one_for_one' as const, 'one_for_all' as const, 'rest_for_one' as const);
    fc.assert(
      fc.property(children, strategies, fc.nat(7), (types, strategy, pick) => {
        const all = types.map((restart, index) => child(String(index), restart));
        const ended = all[pick % all.length] as (typeof all)[number];
        fc.pre(ended.spec.restart !== 'temporary');
        const { stop, start } = planRestart(strategy, all, ended);
        const order = (some: readonly (typeof all)[number][]) => some.map((each) => all.indexOf(each));
        expect(order(stop)).toEqual(order(stop).sort((x, y) => y - x));
        expect(order(start)).toEqual(order(start).sort((x, y) => x - y));
        expect(stop).not.toContain(ended);
        expect(start).toContain(ended);
        const stays = stop.filter(({ spec }) => spec.restart !== 'temporary');
        expect(new Set(start)).toEqual(new Set([ended, ...stays]));
      }),
    );
  });
});

describe('startsAgain', () => {
  it.each([
    ['permanent', true, true],
    ['permanent', false, true],
    ['transient', true, false],
    ['transient', false, true],
    ['temporary', true, false],
    ['temporary', false, false],
  ] as const)('for a %s child that ended well: %p, is %p', (restart, endedWell, again) => {
    expect(startsAgain(restart, endedWell)).toBe(again);
  });
});
