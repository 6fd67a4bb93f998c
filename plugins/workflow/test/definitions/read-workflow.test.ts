import { z } from '@bellows/sdk';
import { defineWorkflow, type StageCall, type WorkflowDefinition } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { resolveInput } from '../../src/definitions/template.js';
import { compile, faultsOf, thrownBy } from './compiling.js';

const call = { idempotencyKey: 'key' } as StageCall;

describe('a workflow of TypeScript', () => {
  it('becomes a pipeline whose functions get the input and the outputs they named', async () => {
    const order = defineWorkflow({ name: 'order', version: 3, maxDepth: 9, input: z.object({ cents: z.int() }) }, (flow) => {
      const count = flow.operation('count', { operation: 'compute.invoke', input: ({ input }) => ({ n: input.cents }), timeoutMs: 7 });
      const charge = flow.run('charge', {
        after: { count, many: [count, count] },
        run: ({ input, count, many }, { idempotencyKey }) => ({ input, count, many, idempotencyKey }),
        retry: { maxAttempts: 1 },
        compensate: { run: ({ output, count }) => [output.idempotencyKey, count], timeoutMs: 3 },
      });
      const sized = flow.run('sized', {
        after: { charge },
        input: ({ charge }) => charge.idempotencyKey.length,
        run: (length) => length + 1,
        compensate: { operation: 'a.b', input: ({ output }) => ({ output }) },
      });
      const pause = flow.timer('pause', { after: { sized }, until: ({ sized }) => sized });
      flow.timer('short', { ms: 5 });
      const go = flow.signal('go', { after: { pause } });
      const child = flow.workflow('child', { after: { go }, workflow: 'other', version: 2 });
      return flow.output({ child }, ({ child, input }) => ({ child, cents: input.cents }));
    });
    const pipeline = compile(order, { file: 'flows/order.ts' });
    expect(pipeline).toMatchObject({ name: 'order', version: 3, maxDepth: 9, depth: 6, roots: [0, 4], json: null, file: 'flows/order.ts' });
    const values = { input: { cents: 5 }, output: (stage: number) => `out${stage}` };
    const [count, charge, sized, pause, short, go, child] = pipeline.stages;
    expect(count).toMatchObject({ kind: 'operation', operation: 'compute.invoke', timeoutMs: 7, retry: { maxAttempts: 3 } });
    expect(resolveInput(count!.input, values)).toEqual({ n: 5 });
    expect(charge).toMatchObject({ kind: 'run', dependsOn: [0], retry: { maxAttempts: 1, factor: 2 } });
    const charged = resolveInput(charge!.input, values);
    expect(charged).toEqual({ input: { cents: 5 }, count: 'out0', many: ['out0', 'out0'] });
    expect(await charge!.run!(charged, call)).toMatchObject({ count: 'out0', idempotencyKey: 'key' });
    const { action, input, timeoutMs, retry } = charge!.compensation!;
    expect([timeoutMs, retry.maxAttempts]).toEqual([3, 5]);
    expect(
      (action as { run: (input: unknown, call: StageCall) => unknown }).run(
        { ...(resolveInput(input, values) as object), output: { idempotencyKey: 1 } },
        call,
      ),
    ).toEqual([1, 'out0']);
    expect(resolveInput(input, values)).toMatchObject({ output: 'out1' });
    expect(resolveInput(sized!.input, { ...values, output: () => ({ idempotencyKey: 'four' }) })).toBe(4);
    expect(resolveInput(sized!.compensation!.input, values)).toEqual({ output: 'out2' });
    expect(resolveInput(pause!.input, { ...values, output: () => 77 })).toEqual({ until: 77 });
    expect(resolveInput(short!.input, values)).toBe(5);
    expect(go).toMatchObject({ kind: 'signal', signal: 'go', dependsOn: [3] });
    expect(child!.workflow).toEqual({ name: 'other', version: 2 });
    expect(resolveInput(child!.input, values)).toEqual({});
    expect(resolveInput(pipeline.output!, values)).toEqual({ child: 'out6', cents: 5 });
  });

  it('checks the input of a run by its schema, naming every place', () => {
    const schema = z.object({ a: z.object({ b: z.int() }), c: z.string().default('x') });
    const { checkInput } = compile(defineWorkflow({ name: 'x', input: schema }, (flow) => void flow.timer('t', { ms: 1 })));
    expect(checkInput!({ a: { b: 1 } })).toEqual({ a: { b: 1 }, c: 'x' });
    const error = thrownBy(() => checkInput!({ a: { b: 'one' }, c: 1 }));
    expect(error).toMatchObject({ code: 'RUN_INPUT_INVALID', kind: 'input', details: [{ path: 'input.a.b' }, { path: 'input.c' }] });
    const other = defineWorkflow(
      {
        name: 'x',
        input: {
          parse: () => {
            throw 'no';
          },
        },
      },
      (flow) => void flow.timer('t', { ms: 1 }),
    );
    expect(thrownBy(() => compile(other).checkInput!(1)).message).toContain('no');
    const later = defineWorkflow({ name: 'x', input: { parse: async () => 1 } }, (flow) => void flow.timer('t', { ms: 1 }));
    expect(thrownBy(() => compile(later).checkInput!(1)).message).toContain('answers later');
  });

  it('is told in words when a field of its input is left out', () => {
    const schema = z.object({ list: z.array(z.string()), at: z.object({ n: z.int() }), own: z.string('say who') });
    const { checkInput } = compile(defineWorkflow({ name: 'x', input: schema }, (flow) => void flow.timer('t', { ms: 1 })));
    expect(thrownBy(() => checkInput!({ at: {} })).details).toEqual([
      { path: 'input.list', message: 'is missing: expected an array' },
      { path: 'input.at.n', message: 'is missing: expected a number' },
      { path: 'input.own', message: 'say who' },
    ]);
    expect(thrownBy(() => checkInput!({ list: null, at: { n: 1 }, own: '' })).details).toEqual([
      { path: 'input.list', message: 'Invalid input: expected array, received null' },
    ]);
  });

  it('is refused for options that mean nothing, with the nearest that does', () => {
    const misspelt = { name: 'x', versioq: 5 };
    const error = faultsOf(
      defineWorkflow(misspelt, (flow) => {
        flow.run('work', { run: () => 1, timeoutMS: 1, compensate: { rum: () => 1, run: () => 1 } } as never);
        flow.signal('go', { zebra: 1 } as never);
      }),
    );
    expect(error.message).toBe(
      'The definition of "x" cannot be used: versioq: is not known here; did you mean "version"? (and 3 more, see details)',
    );
    expect(error.details).toEqual([
      { path: 'versioq', message: expect.any(String), suggestion: 'version' },
      { path: 'stages[0] (work).timeoutMS', message: 'is not known here; did you mean "timeoutMs"?', suggestion: 'timeoutMs' },
      { path: 'stages[0] (work).compensate.rum', message: expect.any(String), suggestion: 'run' },
      { path: 'stages[1] (go).zebra', message: 'is not known here; known are after, timeoutMs, signal, output' },
    ]);
  });

  it('is refused with every fault, by the same rules as YAML', () => {
    const faulty = defineWorkflow({ name: 'my order', version: 0 }, (flow) => {
      flow.operation('twice', { operation: 'nothing' });
      flow.run('twice', { run: 'text' as never, retry: { maxAttempts: 0 } });
      flow.timer('bad name', { ms: -1 });
    });
    const paths = faultsOf(faulty).details!.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'name',
        'version',
        'stages[1] (twice).name',
        'stages[0] (twice).operation',
        'stages[1] (twice).run',
        'stages[1] (twice).retry.maxAttempts',
        'stages[2].name',
        'stages[2].timer',
      ]),
    );
    expect(faultsOf(defineWorkflow({ name: 'none' }, () => undefined)).message).toContain('at least one stage');
  });

  it('has a hash that code of functions does not change, and names of stages do', () => {
    const of = (name: string, run: () => unknown, key = 'a') =>
      compile(defineWorkflow({ name: 'x' }, (flow) => void flow.run(name, { after: { [key]: flow.timer('t', { ms: 1 }) }, run }))).hash;
    expect(of('s', () => 1)).toBe(of('s', () => 2));
    expect(of('s', () => 1)).not.toBe(of('r', () => 1));
  });

  it('made by another copy of the package is one too', () => {
    const copy = {
      [Symbol.for('bellows/workflow')]: 1,
      ...defineWorkflow({ name: 'x' }, (flow) => void flow.timer('t', { ms: 1 })),
    } as WorkflowDefinition;
    expect(compile(JSON.parse(JSON.stringify(copy)) && copy).name).toBe('x');
  });
});
