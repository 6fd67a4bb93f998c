import { describe, expect, it } from '@jest/globals';
import type { Pipeline } from '../../src/definitions/pipeline.js';
import { checkPipelineDepth, pipelineDepth } from '../../src/definitions/pipeline-depth.js';
import { chainOf, compile, thrownBy } from './compiling.js';

/** Finds children among these, as a registry does. */
function lookUpIn(...pipelines: readonly Pipeline[]) {
  return (name: string, version: number | null): Pipeline => {
    const found = pipelines.find((pipeline) => pipeline.name === name && (version ?? pipeline.version) === pipeline.version);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
}

const child = (name: string, workflow: unknown, dependsOn: string[] = []) => ({ name, workflow, dependsOn });

describe('the depth of a pipeline with child workflows', () => {
  it('counts a stage that starts one as 1 and the depth of the child', () => {
    const leaf = compile({ name: 'leaf', stages: chainOf(3) });
    const middle = compile({ name: 'middle', stages: [...chainOf(2), child('call', 'leaf', ['s0'])] });
    const top = compile({
      name: 'top',
      stages: [...chainOf(4), child('first', { name: 'middle', version: 1 }, ['s0']), child('again', 'leaf', ['first'])],
    });
    expect(pipelineDepth(leaf, lookUpIn())).toBe(3);
    expect(pipelineDepth(middle, lookUpIn(leaf))).toBe(1 + 1 + 3);
    expect(pipelineDepth(top, lookUpIn(leaf, middle))).toBe(1 + (1 + 5) + (1 + 3));
  });

  it('is refused above the limit, with the chain through the children', () => {
    const leaf = compile({ name: 'leaf', stages: chainOf(2) });
    const top = compile({ name: 'top', stages: [...chainOf(1), child('call', 'leaf', ['s0']), child('after', 'leaf', ['call'])] });
    expect(checkPipelineDepth(top, { maxDepth: 7, lookUp: lookUpIn(leaf) })).toBe(7);
    const error = thrownBy(() => checkPipelineDepth(top, { maxDepth: 6, lookUp: lookUpIn(leaf) }));
    expect(error).toMatchObject({ code: 'PIPELINE_TOO_DEEP', kind: 'config' });
    expect(error.message).toContain('top/s0 → top/call → leaf/s0 → leaf/s1 → top/after → leaf/s0 → leaf/s1');
    const strict = compile({ name: 'strict', maxDepth: 2, stages: [child('call', 'leaf')] });
    expect(() => checkPipelineDepth(strict, { maxDepth: 50, lookUp: lookUpIn(leaf) })).toThrow('3 stages and 2 are allowed');
  });

  it('is refused when workflows start each other, showing how', () => {
    const a = compile({ name: 'a', stages: [child('stage', 'b')] });
    const b = compile({ name: 'b', stages: [...chainOf(1), child('back', 'a')] });
    const start = compile({ name: 'start', stages: [child('go', 'a')] });
    const self = compile({ name: 'self', stages: [child('again', 'self')] });
    expect(thrownBy(() => pipelineDepth(start, lookUpIn(a, b)))).toMatchObject({
      code: 'DEFINITION_INVALID',
      message: expect.stringContaining('a/stage → b/back → a'),
    });
    expect(() => pipelineDepth(self, lookUpIn(self))).toThrow('self/again → self');
  });

  it('is found where each look-up makes the pipeline anew, as one does whose cache is too small', () => {
    const made: string[] = [];
    const circle = (name: string) => {
      made.push(name);
      if (made.length > 100) throw new Error('it goes on for ever');
      return compile({ name, stages: [child('go', name === 'a' ? 'b' : { name: 'a', version: 1 })] });
    };
    expect(thrownBy(() => pipelineDepth(circle('a'), circle)).message).toContain('a/go → b/go → a');
    made.length = 0;
    const levels = (name: string) => {
      made.push(name);
      const level = Number(name.slice(1));
      return compile({ name, stages: level === 40 ? chainOf(1) : [child('one', `l${level + 1}`), child('two', `l${level + 1}`, ['one'])] });
    };
    expect(pipelineDepth(levels('l38'), levels)).toBe(2 * (1 + 2 * (1 + 1)));
    made.length = 0;
    expect(pipelineDepth(levels('l0'), levels)).toBeGreaterThan(2 ** 40);
    expect(made).toHaveLength(41);
  });

  it('is found without recursion, and when children are started twice on each of many levels', () => {
    const levels = Array.from({ length: 2_000 }, (_, level) =>
      compile({ name: `w${level}`, stages: level === 0 ? chainOf(1) : [child('x', `w${level - 1}`), child('y', `w${level - 1}`, ['x'])] }),
    );
    const byName = new Map(levels.map((pipeline) => [pipeline.name, pipeline]));
    const lookUp = (name: string) => byName.get(name)!;
    // each level doubles: 1, 4, 10, 22 …
    expect(pipelineDepth(levels[3]!, lookUp)).toBe(22);
    const error = thrownBy(() => checkPipelineDepth(levels.at(-1)!, { maxDepth: 50, lookUp }));
    expect(error).toMatchObject({ code: 'PIPELINE_TOO_DEEP' });
    expect(error.message.length).toBeLessThan(500);
  });

  it('passes on that there is no such child', () => {
    expect(() => pipelineDepth(compile({ name: 'top', stages: [child('call', 'gone')] }), lookUpIn())).toThrow('no gone');
  });
});
