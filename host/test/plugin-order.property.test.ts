import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Needing, orderPlugins } from '../src/plugin-order.js';

const plugin = (id: string, ...needs: string[]): Needing => ({ id, needs });

/** Plugins that need only earlier ones: never a cycle. */
const acyclic = fc.integer({ min: 0, max: 12 }).chain((count) =>
  fc
    .tuple(...Array.from({ length: count }, (_, index) => fc.subarray(Array.from({ length: index }, (__, earlier) => `p${earlier}`))))
    .chain((needs) =>
      fc.shuffledSubarray(
        needs.map((list, index) => plugin(`p${index}`, ...list)),
        { minLength: count },
      ),
    ),
);

describe('orderPlugins', () => {
  it('puts every plugin after everything it needs, once, and reports nothing', () => {
    fc.assert(
      fc.property(acyclic, (plugins) => {
        const { waves, problems } = orderPlugins(plugins);
        expect(problems).toEqual([]);
        expect(
          waves
            .flat()
            .map(({ id }) => id)
            .sort(),
        ).toEqual(plugins.map(({ id }) => id).sort());
        const placed = new Set<string>();
        for (const wave of waves) {
          for (const { needs } of wave) expect(needs.every((need) => placed.has(need))).toBe(true);
          for (const { id } of wave) placed.add(id);
        }
      }),
    );
  });

  it('starts what needs nothing in the first wave, in the given order', () => {
    const { waves } = orderPlugins([plugin('b'), plugin('c', 'b'), plugin('a')]);
    expect(waves.map((wave) => wave.map(({ id }) => id))).toEqual([['b', 'a'], ['c']]);
  });

  it('names each plugin of a cycle once, in the order of the needs', () => {
    const { waves, problems } = orderPlugins([plugin('a', 'b'), plugin('b', 'c'), plugin('c', 'a'), plugin('d')]);
    expect(waves.flat().map(({ id }) => id)).toEqual(['d']);
    expect(problems).toEqual([{ path: 'plugins.a', message: 'needs itself through a → b → c → a: remove one of these needs' }]);
  });

  it('reports every cycle, and not the plugins that hang on one', () => {
    const { problems } = orderPlugins([plugin('a', 'a'), plugin('b', 'c'), plugin('c', 'b'), plugin('d', 'a')]);
    expect(problems.map(({ path }) => path)).toEqual(['plugins.a', 'plugins.b']);
  });

  it('suggests the plugin that was probably meant by an unknown need', () => {
    const { problems } = orderPlugins([plugin('compute'), plugin('mine', 'compte')]);
    expect(problems).toEqual([
      { path: 'plugins.mine', message: 'needs the plugin "compte", which is not configured', suggestion: 'compute' },
    ]);
  });
});
