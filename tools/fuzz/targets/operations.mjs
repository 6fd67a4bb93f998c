import path from 'node:path';
import { startTestHost } from '@bellows/host/testing';
import { definePlugin, systemClock, z } from '@bellows/sdk';
import fc from 'fast-check';
import { hostileObject, hostileText, mutated, mutatedText, real } from '../hostile-values.mjs';
import { outcomeOf } from '../run-target.mjs';
import { fitting } from '../schema-values.mjs';

const PLUGINS = path.resolve(import.meta.dirname, '../../../plugins');
/** A mutation may be a good input, whose work takes as long as it says. */
const DEADLINE_MS = 2_000;
const TEXT = `name: order
version: 1
stages:
  - { name: reserve, operation: stock.reserve, input: { id: "\${input.id}" }, retry: { maxAttempts: 2, initialMs: 5 } }
  - name: wait
    timer: 50
    dependsOn: [reserve]
  - { name: tell, operation: mail.send, input: "\${stages.reserve.output.text}", dependsOn: [wait], compensate: { operation: mail.recall, input: {} } }
`;

/** An object that throws when it is looked at can come from a plugin only, and those are trusted. */
const THROWING = ['getter', 'proxy', 'revoked'];
const hostileInput = hostileObject.filter((value) => !THROWING.includes(value?.odd));

/** Every operation of compute and workflow, with inputs made from its schema and then spoilt. */
export const operations = {
  async open() {
    const host = await startHost();
    const listed = (await (await fetch(`${host.http.url}/v1/operations`)).json()).operations;
    const inputs = listed.map(({ name, input }) =>
      fc.tuple(fc.constant(name), fc.oneof({ weight: 4, arbitrary: mutated(fitting(input)) }, hostileInput)),
    );
    return opened(host, fc.oneof(...inputs, fc.tuple(hostileText, hostileInput)));
  },
};

/** What the definition calls: without them each text would be refused for that, and nothing behind would be reached. */
const called = ['stock.reserve', 'mail.send', 'mail.recall'].map((name) => name.split('.'));
const stand = Object.keys(Object.groupBy(called, ([id]) => id)).map((id) =>
  definePlugin({
    id,
    config: z.strictObject({}),
    activate(ctx) {
      for (const [owner, verb] of called) {
        if (owner !== id) continue;
        const any = z.looseObject({});
        ctx.operations.provide({
          name: `${id}.${verb}`,
          summary: 'Does nothing.',
          role: 'reader',
          input: any,
          output: any,
          handler: async () => ({}),
        });
      }
    },
  }),
);

/** Definitions, as text. */
export const workflows = {
  async open() {
    const host = await startHost(stand);
    return opened(
      host,
      mutatedText(fc.constant(TEXT)).map((yaml) => ['workflow.define', { yaml }]),
    );
  },
};

function startHost(beside = []) {
  const plugins = ['compute', 'workflow'].map((name) => ({ from: path.join(PLUGINS, name) }));
  return startTestHost({ plugins: [...plugins, ...beside], clock: systemClock, listen: true });
}

function opened(host, arbitrary) {
  const check = async ([name, input]) => {
    try {
      await host.call(name, real(input), { deadlineMs: DEADLINE_MS });
      return 'answered';
    } catch (error) {
      return outcomeOf(error);
    }
  };
  return { arbitrary, check, close: () => host.stop() };
}
