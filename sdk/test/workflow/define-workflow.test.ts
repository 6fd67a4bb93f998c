import { describe, expect, it } from '@jest/globals';
import {
  defineFunction,
  defineWorkflow,
  type Flow,
  isFunctionDefinition,
  isWorkflowDefinition,
  type StageRef,
  type,
} from '../../src/workflow/index.js';

describe('defineWorkflow', () => {
  it('gives plain frozen data that says what there is', () => {
    const schema = { parse: (input: unknown) => input as { readonly n: number } };
    const run = () => 1;
    const definition = defineWorkflow({ name: 'order', input: schema, maxDepth: 4 }, (flow) => {
      const first = flow.operation('first', { operation: 'a.b', output: type<number>(), timeoutMs: 5 });
      const second = flow.run('second', { after: { first, both: [first, first] }, run, compensate: { operation: 'a.undo' } });
      flow.timer('until', { until: 9 });
      flow.signal('go', { after: { second } });
      return flow.output({ second }, ({ second }) => second);
    });
    const none = {
      operation: null,
      run: null,
      workflow: null,
      signal: null,
      timer: null,
      input: null,
      retry: null,
      timeoutMs: null,
      compensate: null,
    };
    expect(definition).toMatchObject({ name: 'order', version: 1, maxDepth: 4, input: schema });
    expect(definition.stages).toEqual([
      { ...none, name: 'first', kind: 'operation', operation: 'a.b', after: {}, timeoutMs: 5 },
      {
        ...none,
        name: 'second',
        kind: 'run',
        run,
        after: { first: 'first', both: ['first', 'first'] },
        compensate: { operation: 'a.undo', run: null, input: null, retry: null, timeoutMs: null },
      },
      { ...none, name: 'until', kind: 'timer', timer: { until: 9 }, after: {} },
      { ...none, name: 'go', kind: 'signal', signal: 'go', after: { second: 'second' } },
    ]);
    expect(definition.output).toMatchObject({ after: { second: 'second' } });
    expect([definition, definition.stages, definition.stages[0], definition.stages[1]!.after].every(Object.isFrozen)).toBe(true);
  });

  it('marks what it made so that any copy of the package knows it', () => {
    const workflow = defineWorkflow({ name: 'x' }, () => undefined);
    const fn = defineFunction('f', () => 1);
    expect([isWorkflowDefinition(workflow), isWorkflowDefinition(fn), isFunctionDefinition(fn), isFunctionDefinition(workflow)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(isWorkflowDefinition({ [Symbol.for('bellows/workflow')]: 1 })).toBe(true);
    for (const value of [null, undefined, 1, 'x', {}, () => 1])
      expect([isWorkflowDefinition(value), isFunctionDefinition(value)]).toEqual([false, false]);
  });

  it('says which options mean nothing, with those there are', () => {
    const misspelt = { name: 'x', versioq: 5 };
    const { unknownOptions } = defineWorkflow(misspelt, (flow) => {
      const call = { operation: 'a.b', timeoutms: 3, compensate: { operation: 'a.c', inptu: () => 1 } };
      flow.timer('pause', { ms: 1 });
      flow.operation('call', call);
      flow.signal('go', { output: type<number>() });
      flow.run('work', { run: () => 1, output: 1 } as never);
    });
    expect(unknownOptions!.map(({ path, key }) => [path, key])).toEqual([
      ['', 'versioq'],
      ['stages[1]', 'timeoutms'],
      ['stages[1].compensate', 'inptu'],
      ['stages[3]', 'output'],
    ]);
    expect(unknownOptions![0]!.known).toContain('version');
    expect(unknownOptions![1]!.known).toEqual(expect.arrayContaining(['after', 'timeoutMs', 'operation']));
  });

  it('refuses stages of another workflow, names that are taken, and what comes too late', () => {
    let kept: Flow<unknown> | undefined;
    let foreign: StageRef | undefined;
    defineWorkflow({ name: 'one' }, (flow) => {
      kept = flow;
      foreign = flow.timer('t', { ms: 1 });
    });
    const refused = (build: (flow: Flow<unknown>) => undefined) => expect(() => defineWorkflow({ name: 'two' }, build));
    refused((flow) => void flow.timer('t', { after: { foreign: foreign! }, ms: 1 })).toThrow('after.foreign');
    refused((flow) => void flow.timer('t', { after: { list: [foreign!] }, ms: 1 })).toThrow('after.list');
    refused((flow) => void flow.timer('t', { after: { it: null as never }, ms: 1 })).toThrow('after.it');
    refused((flow) => void flow.output({ output: foreign! } as never, () => 1)).toThrow('which is taken');
    refused((async () => {}) as never).toThrow('asynchronous');
    expect(() => kept!.timer('late', { ms: 1 })).toThrow(expect.objectContaining({ code: 'FLOW_INVALID' }));
    expect(() => kept!.output({}, () => 1)).toThrow('has ended');
  });
});
