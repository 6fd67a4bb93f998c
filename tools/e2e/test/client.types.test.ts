import type {} from '@bellows/plugin-compute';
import type {} from '@bellows/plugin-harness';
import type {} from '@bellows/plugin-workflow';
import { type Client, createClient } from '@bellows/sdk/client';
import { describe, expect, it } from '@jest/globals';

/** What these say is checked by the compiler: `@ts-expect-error` fails where there is no error. Nothing here is called. */
async function typed(client: Client) {
  const { results, pool } = await client.call('compute.invoke', { module: 'fib', export: 'fib', args: [20] });
  const first: number | string | undefined = results[0];
  const kind: 'warm' | 'cold' | 'overflow' = pool;
  // what has a default may be left out
  await client.call('compute.invoke', { module: 'fib' });
  // @ts-expect-error the module is missing
  await client.call('compute.invoke', {});
  // @ts-expect-error no such key
  await client.call('compute.list', { limit: 5 });
  const { id, created } = await client.call('workflow.start', { name: 'order', input: { cents: 5 } });
  const isNew: boolean = created;
  const job = await client.call('harness.get', { id });
  const landed: string | undefined = job.landed[0]?.commit;
  // any other name goes, and says nothing of what comes back
  const other: unknown = await client.call('mine.own', { any: 'thing' });
  // @ts-expect-error nothing is known of it
  void (await client.call('mine.own', {})).text;
  return { first, kind, isNew, landed, other };
}

async function typedByHand() {
  interface Operations {
    'mine.own': { input: { name: string }; output: { text: string } };
  }
  const client = createClient<Operations>({ url: 'http://127.0.0.1:7070' });
  const { text } = await client.call('mine.own', { name: 'Ada' });
  // @ts-expect-error that is no text
  await client.call('mine.own', { name: 5 });
  // @ts-expect-error a misspelt name: the types say which there are
  await client.call('mine.onw', { name: 'Ada' });
  for await (const event of client.events({ topics: ['metrics', 'status'] })) {
    if (event.topic === 'metrics') return [text, event.payload.values.demand];
    // @ts-expect-error that topic was not asked for
    if (event.topic === 'decision') return [];
  }
  return [];
}

describe('the types of a client', () => {
  it('know the operations of the plugins that are imported, and those a program names', () => {
    expect([typed.length, typedByHand.length]).toEqual([1, 0]);
  });
});
