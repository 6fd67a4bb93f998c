import { describe, expect, it } from '@jest/globals';
import { z } from '../../src/index.js';
import { defineFunction, defineWorkflow, type StageRef, type, type WorkflowDefinition } from '../../src/workflow/index.js';

/** Compiles only when both are the same type. */
function same<A, B>(..._same: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]): void {}

const shipping = defineWorkflow({ name: 'shipping', input: z.object({ parcel: z.string() }) }, (flow) => {
  const sent = flow.run('send', { run: ({ input }) => ({ tracking: `${input.parcel}-1` }) });
  return flow.output({ sent }, ({ sent }) => sent.tracking);
});

describe('the types of a workflow', () => {
  it('follow from the schema, the functions and what `after` names', () => {
    same<typeof shipping, WorkflowDefinition<{ parcel: string }, string>>();
    const order = defineWorkflow({ name: 'order', input: z.object({ text: z.string(), cents: z.number() }) }, (flow) => {
      const count = flow.operation('count', {
        operation: 'compute.invoke',
        output: type<{ words: number }>(),
        input: ({ input }) => ({ module: 'words', stdin: input.text }),
        compensate: { operation: 'compute.remove', input: ({ output, input }) => ({ name: `${input.text}${output.words.toFixed()}` }) },
      });
      same<typeof count, StageRef<{ words: number }>>();

      const charge = flow.run('charge', {
        after: { count },
        input: ({ input, count }) => ({ total: input.cents * count.words }),
        run: async ({ total }, call) => ({ id: call.idempotencyKey, total }),
        compensate: {
          run: async ({ output, count, input }, call) => {
            same<typeof output, { id: string; total: number }>();
            await call.call('pay.refund', { id: output.id, words: count.words, cents: input.cents });
          },
        },
      });
      same<typeof charge, StageRef<{ id: string; total: number }>>();

      const direct = flow.run('direct', {
        after: { charge, all: [count, count] },
        run: ({ input, charge, all }) => [input.cents, charge.total, all[0]?.words],
      });
      same<typeof direct, StageRef<(number | undefined)[]>>();

      const approval = flow.signal<{ by: string }>('approval', { after: { direct }, timeoutMs: 1_000 });
      flow.timer('pause', { after: { approval }, ms: ({ approval }) => approval.by.length });
      flow.timer('night', { until: 1 });
      const ship = flow.workflow('ship', { after: { approval }, workflow: shipping, input: ({ approval }) => ({ parcel: approval.by }) });
      same<typeof ship, StageRef<string>>();
      const other = flow.workflow('other', { workflow: 'by-name', output: type<number>() });
      same<typeof other, StageRef<number>>();
      return flow.output({ ship, other }, ({ ship, other, input }) => ({ ship, other, cents: input.cents }));
    });
    same<typeof order, WorkflowDefinition<{ text: string; cents: number }, { ship: string; other: number; cents: number }>>();
    expect(order.stages.map(({ name }) => name)).toEqual(['count', 'charge', 'direct', 'approval', 'pause', 'night', 'ship', 'other']);
  });

  it('refuse what a stage did not say it waits for, names that are taken and wrong inputs', () => {
    defineWorkflow({ name: 'wrong', input: z.object({ cents: z.number() }) }, (flow) => {
      const count = flow.operation('count', { operation: 'a.b', output: type<{ words: number }>() });
      // @ts-expect-error count is not in after
      flow.run('charge', { run: ({ input, count }) => input.cents + count });
      // @ts-expect-error without after there is only the input
      flow.operation('x', { operation: 'a.b', input: ({ count }) => count });
      // @ts-expect-error there is no such field in the output
      flow.run('y', { after: { count }, run: ({ count }) => count.letters });
      // @ts-expect-error nor in the input
      flow.run('z', { run: ({ input }) => input.euros });
      // @ts-expect-error a child gets what its schema says
      flow.workflow('ship', { workflow: shipping, input: () => ({ parcel: 1 }) });
      // @ts-expect-error an operation has a name
      flow.operation('w', { input: () => 1 });
      // @ts-expect-error a compensation is an operation or a function
      flow.operation('v', { operation: 'a.b', compensate: { input: () => 1 } });
      // @ts-expect-error a pause is a number
      flow.timer('u', { ms: () => 'soon' });
      expect(() => {
        // @ts-expect-error `input` is taken
        flow.run('t', { after: { input: count }, run: () => 1 });
      }).toThrow(expect.objectContaining({ code: 'FLOW_INVALID' }));
    });
    // @ts-expect-error a workflow has a name
    expect(defineWorkflow({ version: 2 }, () => {}).version).toBe(2);
    expect(defineFunction('f', (input: { cents: number }, call) => `${input.cents}${call.attempt}`).name).toBe('f');
  });

  it('let a definition of any input and output be handed on', () => {
    const any: WorkflowDefinition = shipping;
    expect(any.name).toBe('shipping');
  });
});
