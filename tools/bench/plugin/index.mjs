// Calls an operation from inside the host, as any plugin would, and reports how long that took.
import { definePlugin, z } from '@bellows/sdk';
import { timeCalls } from '../time-calls.mjs';

export default definePlugin({
  id: 'bench',
  config: z.strictObject({}),
  activate(ctx) {
    ctx.operations.provide({
      name: 'bench.echo',
      summary: 'Answers what it was sent: what the host itself costs.',
      input: z.looseObject({}),
      output: z.looseObject({}),
      handler: async (input) => input,
    });
    ctx.operations.provide({
      name: 'bench.call',
      summary: 'Calls an operation again and again and answers how long it took.',
      input: z.strictObject({ operation: z.string(), input: z.unknown(), concurrency: z.int().min(1), durationMs: z.int().min(1) }),
      output: z.strictObject({ count: z.int(), perSecond: z.number(), p50Ms: z.number(), p99Ms: z.number() }),
      handler: ({ operation, input, ...how }) => timeCalls(() => ctx.operations.call(operation, input), how),
    });
  },
});
