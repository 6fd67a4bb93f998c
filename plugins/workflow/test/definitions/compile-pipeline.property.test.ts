import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { longestChain } from '../../src/definitions/pipeline-depth.js';
import { compile, stagesOf } from './compiling.js';

/** Dependencies only on stages that come before: no circles. */
const graphs = fc
  .array(fc.array(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 20 })
  .map((lists) =>
    Object.fromEntries(lists.map((list, index) => [`s${index}`, list.filter((before) => before < index).map((before) => `s${before}`)])),
  );

type Graph = Readonly<Record<string, readonly string[]>>;

function naiveDepth(graph: Graph, name: string): number {
  return 1 + Math.max(0, ...graph[name]!.map((before) => naiveDepth(graph, before)));
}

describe('the graph of a pipeline', () => {
  it('is that of a naive model', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const { stages, roots, depth, ...rest } = compile({ name: 'x', stages: stagesOf(graph) });
        const names = Object.keys(graph);
        for (const { index, name, dependsOn, dependants } of stages) {
          expect(name).toBe(names[index]);
          const before = names.flatMap((other, at) => (graph[name]!.includes(other) ? [at] : []));
          expect(dependsOn).toEqual(before);
          expect(dependants).toEqual(names.flatMap((other, at) => (graph[other]!.includes(name) ? [at] : [])));
        }
        expect(roots).toEqual(names.flatMap((name, at) => (graph[name]!.length === 0 ? [at] : [])));
        expect(depth).toBe(Math.max(...names.map((name) => naiveDepth(graph, name))));
        const chain = longestChain({ stages, roots, depth, ...rest });
        expect(chain).toHaveLength(depth);
        for (const [at, name] of chain.slice(1).entries()) expect(graph[name]).toContain(chain[at]);
      }),
      { numRuns: 60 },
    );
  });

  it('does not depend on the order in which stages are written', () => {
    const shuffled = graphs.chain((graph) =>
      fc.tuple(fc.constant(graph), fc.shuffledSubarray(stagesOf(graph), { minLength: Object.keys(graph).length })),
    );
    fc.assert(
      fc.property(shuffled, ([graph, other]) => {
        const [one, two] = [compile({ name: 'x', stages: stagesOf(graph) }), compile({ name: 'x', stages: other })];
        expect(two.depth).toBe(one.depth);
        expect(byName(two)).toEqual(byName(one));
      }),
      { numRuns: 60 },
    );
  });

  it('is compiled or refused, whatever the definition is made of', () => {
    const key = fc.constantFrom(
      'name',
      'operation',
      'run',
      'timer',
      'dependsOn',
      'input',
      'retry',
      'workflow',
      'compensate',
      '__proto__',
      'thread',
    );
    const value = fc.oneof(
      fc.constantFrom('a', 'b', 'a.b', '${input.a}', '${stages.a.output}', '${', ['a'], ['b'], { operation: 'a.b' }),
      fc.jsonValue(),
    );
    const stage = fc.dictionary(key, value).map((fields) => ({ name: 'a', ...fields }));
    fc.assert(
      fc.property(fc.array(stage, { maxLength: 4 }), (stages) => {
        try {
          expect(compile({ name: 'x', stages }).stages).toHaveLength(stages.length);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(DEFINITION_INVALID|FUNCTION_UNKNOWN|FEATURE_UNSUPPORTED)$/) });
        }
      }),
      { numRuns: 300 },
    );
  });
});

function byName({ stages }: ReturnType<typeof compile>): Record<string, unknown> {
  const named = (list: readonly number[]) => list.map((index) => stages[index]!.name).sort();
  return Object.fromEntries(stages.map(({ name, dependsOn, dependants }) => [name, [named(dependsOn), named(dependants)]]));
}
