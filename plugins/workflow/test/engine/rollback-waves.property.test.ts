import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Pipeline, Stage } from '../../src/definitions/pipeline.js';
import { rollbackWaves } from '../../src/engine/rollback-waves.js';

interface Drawn {
  readonly needs: readonly number[];
  readonly hasCompensation: boolean;
  readonly fails: boolean;
}

const graph = fc
  .array(fc.record({ needs: fc.array(fc.nat(20), { maxLength: 4 }), hasCompensation: fc.boolean(), fails: fc.boolean() }), {
    minLength: 1,
    maxLength: 20,
  })
  .map((drawn) => drawn.map(({ needs, ...rest }, index) => ({ needs: [...new Set(needs.filter((other) => other < index))], ...rest })));

/** In any order, as definitions may be written: `position` says where each stage stands. */
function pipelineOf(drawn: readonly Drawn[], isReversed: boolean): { pipeline: Pipeline; position: (drawnIndex: number) => number } {
  const position = (index: number) => (isReversed ? drawn.length - 1 - index : index);
  const stages: Partial<Stage>[] = new Array(drawn.length);
  for (const [index, { needs, hasCompensation }] of drawn.entries()) {
    const dependants = drawn.flatMap((other, at) => (other.needs.includes(index) ? [position(at)] : []));
    stages[position(index)] = {
      index: position(index),
      dependsOn: needs.map(position),
      dependants,
      compensation: hasCompensation ? ({} as never) : null,
    };
  }
  return { pipeline: { stages } as unknown as Pipeline, position };
}

it('waves hold each completed stage with a compensation once, after all that depend on it, and as early as that allows', () => {
  fc.assert(
    fc.property(graph, fc.boolean(), (drawn, isReversed) => {
      const { pipeline, position } = pipelineOf(drawn, isReversed);
      const completed = new Set<number>();
      for (const [index, { needs, fails }] of drawn.entries())
        if (!fails && needs.every((other) => completed.has(position(other)))) completed.add(position(index));
      const waves = rollbackWaves(pipeline, (stage) => completed.has(stage));
      // the naive way: the longest chain of acting stages behind each
      const acts = (stage: number) => completed.has(stage) && pipeline.stages[stage]!.compensation !== null;
      const behind = (stage: number): number =>
        Math.max(0, ...pipeline.stages[stage]!.dependants.map((dependant) => behind(dependant) + (acts(dependant) ? 1 : 0)));
      const expected: number[][] = [];
      for (const { index } of pipeline.stages) if (acts(index)) (expected[behind(index)] ??= []).push(index);
      expect(waves).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});
