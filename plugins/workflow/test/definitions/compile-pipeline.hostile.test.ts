import { describe, expect, it } from '@jest/globals';
import { chainOf, compile, faultsOf } from './compiling.js';

const MANY = 100_000;
const many = (stage: (index: number) => Record<string, unknown>, length = MANY) => ({
  name: 'big',
  stages: Array.from({ length }, (_, index) => stage(index)),
});

describe('a huge definition', () => {
  it('of 100,000 stages in one chain compiles without overflowing the stack', () => {
    const pipeline = compile({ name: 'big', stages: chainOf(MANY) }, { maxDepth: MANY });
    expect(pipeline.depth).toBe(MANY);
    expect(pipeline.stages[MANY - 1]!.dependsOn).toEqual([MANY - 2]);
  });

  it('of 100,000 stages that all read one takes memory in proportion to them', () => {
    const pipeline = compile(many((index) => ({ name: `s${index}`, operation: 'a.b', input: index === 0 ? 1 : '${stages.s0.output}' })));
    expect(pipeline).toMatchObject({ depth: 2, roots: [0] });
    expect(pipeline.stages[0]!.dependants).toHaveLength(MANY - 1);
  });

  it('400 stages wide compiles', () => {
    const wide = Array.from({ length: 400 }, (_, index) => ({ name: `w${index}`, operation: 'a.b', dependsOn: ['first'] }));
    const last = { name: 'last', operation: 'a.b', dependsOn: wide.map(({ name }) => name) };
    expect(compile({ name: 'x', stages: [{ name: 'first', operation: 'a.b' }, ...wide, last] })).toMatchObject({ depth: 3, roots: [0] });
  });

  it('with a circle through all of it is refused with a short message', () => {
    const { message } = faultsOf(
      many((index) => ({ name: `s${index}`, operation: 'a.b', dependsOn: [`s${(index + 1) % 20_000}`] }), 20_000),
    );
    expect(message).toContain('more …');
    expect(message.length).toBeLessThan(500);
  });

  it('with a fault in each stage is refused with as many details as somebody reads, and says how many there are', () => {
    const error = faultsOf(
      many((index) => ({ name: `stage${index}`, operation: 'a.b', dependsOn: [`stagf${index}`, `stagg${index}`] }), 20_000),
    );
    expect(error.details).toHaveLength(1_001);
    expect(error.details!.at(-1)!.message).toContain('39000 more');
  });

  it('with more stages than allowed is refused before they are looked at', () => {
    expect(faultsOf({ name: 'x', stages: new Array(11).fill(null) }, { maxStages: 10 })).toMatchObject({ details: [{ path: 'stages' }] });
  });

  it('with names that are everywhere in JavaScript is no different from others', () => {
    const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'];
    const stages = names.map((name, index) => ({
      name,
      operation: 'a.b',
      input: index === 0 ? 1 : `\${stages.${names[index - 1]}.output}`,
    }));
    expect(compile({ name: 'constructor', stages }).depth).toBe(names.length);
    expect(faultsOf({ name: 'x', stages: [{ name: '__proto__', operation: 'a.b' }] })).toMatchObject({
      details: [{ path: 'stages[0].name' }],
    });
    expect(faultsOf(JSON.parse('{"name":"x","stages":[{"name":"a","operation":"a.b","__proto__":{"run":"x"}}]}'))).toMatchObject({
      code: 'DEFINITION_INVALID',
    });
    expect(faultsOf({ name: 'x', stages: [{ name: 'a', run: 'toString' }] })).toMatchObject({ code: 'FUNCTION_UNKNOWN' });
    expect(faultsOf({ name: 'x', stages: [{ name: 'a', operation: 'a.b', dependsOn: ['constructor'] }] })).toMatchObject({
      code: 'DEFINITION_INVALID',
    });
  });

  it('whose few values are referred to again and again is refused before it fills the memory', () => {
    const input = new Array<number>(90_000).fill(0);
    const stages = Array.from({ length: 100 }, (_, index) => ({ name: `s${index}`, operation: 'a.b', input }));
    expect(faultsOf({ name: 'x', stages })).toMatchObject({
      details: [{ path: expect.stringMatching(/^stages\[22\]/), message: expect.stringContaining('2000000') }],
    });
  });

  it('that repeats a long text again and again is refused before it fills the memory', () => {
    const text = 'x'.repeat(1024 * 1024);
    const stages = Array.from({ length: 90 }, (_, index) => ({ name: `s${index}`, operation: 'test.echo', input: { [text]: text } }));
    expect(faultsOf({ name: 'p', stages }).details).toEqual([
      { path: 'stages[32].input', message: expect.stringContaining('characters in all stages') },
    ]);
  });

  it('with endless wrong dependencies or keys in one stage is refused before each of them is looked at', () => {
    const wrong = { name: 'a', operation: 'test.echo', dependsOn: new Array(300_000).fill(1) };
    const keys = { name: 'b', operation: 'test.echo', ...Object.fromEntries(Array.from({ length: 300_000 }, (_, key) => [`k${key}`, 1])) };
    expect(faultsOf({ name: 'p', stages: [wrong, keys] }).details).toEqual([
      { path: 'stages[0].dependsOn', message: '300000 are more than there may be stages' },
      { path: 'stages[1]', message: 'a stage has no more than 100 keys' },
    ]);
  });

  it('with endless names, keys and texts is refused with a short message', () => {
    const long = 'x'.repeat(1_000_000);
    const error = faultsOf({
      name: long,
      [long]: 1,
      stages: [{ name: long, operation: long, [long]: 1, dependsOn: [long], input: `\${${long}}` }],
    });
    expect(JSON.stringify(error.details).length + error.message.length).toBeLessThan(5_000);
  });
});
