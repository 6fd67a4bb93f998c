import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineWorkflow, type } from '../../src/workflow/index.js';

/** What these say is checked by the compiler: `@ts-expect-error` fails where there is no error. */
describe('the types of a workflow', () => {
  const order = defineWorkflow({ name: 'order', input: z.object({ cents: z.int() }) }, (flow) => {
    const reserve = flow.operation('reserve', {
      operation: 'stock.reserve',
      input: ({ input }) => ({ worth: input.cents }),
      output: type<{ id: string }>(),
      compensate: { operation: 'stock.release', input: ({ output }) => ({ id: output.id }) },
    });
    const charge = flow.run('charge', {
      after: { reserve },
      run: async ({ input, reserve: { id } }, call) => ({ payment: `${id} ${input.cents} ${call.idempotencyKey}` }),
      compensate: { run: ({ output, reserve: { id } }, call) => call.call('pay.refund', { payment: output.payment, id }) },
    });
    const approval = flow.signal<{ by: string }>('approval', { after: { charge } });
    return flow.output({ charge, approval }, ({ charge: { payment }, approval: { by } }) => ({ payment, by }));
  });
  const padded = defineWorkflow(
    {
      name: 'padded',
      input: z.object({ name: z.string(), tries: z.int().default(3) }).transform(({ name, tries }) => ({ name, most: tries })),
    },
    (flow) => {
      flow.run('use', { run: ({ input }) => input.most + input.name.length });
      // @ts-expect-error that is what is given, not what stages see
      flow.run('wrong', { run: ({ input }) => input.tries });
    },
  );
  const unchecked = defineWorkflow({ name: 'unchecked', input: type<{ at: number }>() }, (flow) => {
    const next = flow.run('next', { run: ({ input }) => input.at + 1 });
    const parts = ['a', 'b'].map((key) => flow.run(`part-${key}`, { run: () => key.length }));
    const sum = flow.run('sum', { after: { next, parts }, run: (inputs) => inputs.parts.reduce((all, one) => all + one, inputs.next) });
    return flow.output({ sum }, (inputs) => inputs.sum);
  });
  const written = defineWorkflow({ name: 'written', input: { parse: (given) => given as { q: number } } }, (flow) => {
    flow.run('use', { run: ({ input }) => input.q });
  });

  it('of a child are what its schema takes and what its output gives', () => {
    const parent = defineWorkflow({ name: 'parent' }, (flow) => {
      const child = flow.workflow('child', { workflow: order, input: () => ({ cents: 3 }) });
      flow.run('read', { after: { child }, run: (inputs) => inputs.child.payment + inputs.child.by });
      // @ts-expect-error there is no such output
      flow.run('read-wrong', { after: { child }, run: (inputs) => inputs.child.nothing });
      // @ts-expect-error the child takes no such input
      flow.workflow('child-wrong', { workflow: order, input: () => ({ euros: 3 }) });
      // what has a default may be left out
      flow.workflow('padded', { workflow: padded, input: () => ({ name: 'a' }) });
      // @ts-expect-error that is what its stages see, not what is given
      flow.workflow('padded-wrong', { workflow: padded, input: () => ({ most: 3 }) });
      const sum = flow.workflow('unchecked', { workflow: unchecked, input: () => ({ at: 1 }) });
      flow.run('read-sum', { after: { sum }, run: (inputs) => inputs.sum.toFixed() });
      // @ts-expect-error it takes a number
      flow.workflow('unchecked-wrong', { workflow: unchecked, input: () => ({ at: 'now' }) });
      flow.workflow('written', { workflow: written, input: () => ({ q: 1 }) });
      // @ts-expect-error it takes q
      flow.workflow('written-wrong', { workflow: written, input: () => ({ p: 1 }) });
    });
    expect(parent.stages).toHaveLength(11);
  });

  it('said by `type` alone check nothing at run time', () => {
    expect([unchecked.input, padded.input === null, written.input === null]).toEqual([null, false, false]);
  });
});
