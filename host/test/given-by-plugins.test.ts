import { definePlugin, type PluginContext, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { startTestHost } from '../src/testing/index.js';

/** What the start of a plugin fails with that does this. */
async function failureOf(activate: (ctx: PluginContext) => unknown): Promise<unknown> {
  const plugin = definePlugin({ id: 'shelf', config: z.strictObject({}), activate: async (ctx) => void (await activate(ctx)) });
  return startTestHost({ plugins: [plugin] }).then(
    async (host) => void (await host.stop()),
    (error: unknown) => error,
  );
}

const operation = {
  name: 'shelf.put',
  summary: 'Puts.',
  input: z.strictObject({}),
  output: z.strictObject({}),
  handler: async () => ({}),
};

describe('what plain JavaScript gives to the host by mistake', () => {
  it.each([
    [{}, 'which cannot be released: give a function'],
    [undefined, 'was given undefined'],
    [{ close() {} }, 'was given an object'],
    [Promise.resolve(), 'await it first'],
    [{ [Symbol.dispose]: true }, 'give a function'],
  ])('is refused by ctx.own at once: %#', async (owned, text) => {
    expect(await failureOf((ctx) => ctx.own(owned as never))).toMatchObject({
      kind: 'plugin',
      code: 'OWNED_INVALID',
      plugin: 'shelf',
      details: [{ message: expect.stringContaining(text) }],
    });
  });

  it.each([
    [{ ...operation, input: { type: 'object' } }, 'operation.input must be a schema made with z of @bellows/sdk'],
    [{ ...operation, effort: 'veiw' }, 'operation.effort must be one of work, view, wait, and is "veiw"'],
    [{ ...operation, output: undefined }, 'operation.output must be a schema'],
    [{ ...operation, handler: 'put' }, 'operation.handler must be a function, async (input, call) => { … }, and is "put"'],
    [{ ...operation, summary: undefined }, 'operation.summary must be a sentence'],
    [{ ...operation, role: 'root' }, 'operation.role must be one of reader, operator, admin, and is "root"'],
    [{ ...operation, idempotncy: 'handler' }, 'operation.idempotncy is unknown: did you mean idempotency?'],
    [{ ...operation, idempotency: 'both' }, 'operation.idempotency must be host or handler, and is "both"'],
    [{ ...operation, runsCommands: 'yes' }, 'operation.runsCommands must be true or false'],
    [{ ...operation, name: undefined }, 'the operation without a name cannot be provided'],
    [undefined, 'operation must be an object with name, summary'],
  ])('is refused where an operation is provided: %#', async (definition, text) => {
    expect(await failureOf((ctx) => ctx.operations.provide(definition as never))).toMatchObject({
      kind: 'plugin',
      code: 'OPERATION_INVALID',
      plugin: 'shelf',
      details: [{ message: expect.stringContaining(text) }],
    });
  });

  it('is refused by ctx.onReconfigure', async () => {
    expect(await failureOf((ctx) => ctx.onReconfigure({} as never))).toMatchObject({ code: 'RECONFIGURE_INVALID', plugin: 'shelf' });
  });
});
