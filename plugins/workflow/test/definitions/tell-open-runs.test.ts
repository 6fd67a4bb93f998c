import { defineWorkflow } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { DefinitionRegistry } from '../../src/definitions/definition-registry.js';
import { tellOpenRuns } from '../../src/definitions/tell-open-runs.js';
import { MemoryDisk, MemoryFlowStore } from '../memory-flow-store.js';
import { compile } from './compiling.js';

const limits = { clock: { now: () => 1 }, maxDepth: 50, maxStages: 50, maxCacheEntries: 10 };
const hello = (version: number, run: () => unknown) =>
  compile(
    defineWorkflow({ name: 'hello', version }, (flow) => void flow.run('say', { run })),
    { file: '/hello.ts' },
  );

/** One process after the other on what is kept. */
async function startWith(store: MemoryFlowStore, pipelines: ReturnType<typeof hello>[], functions = new Map<string, () => unknown>()) {
  const definitions = new DefinitionRegistry({ ...limits, store });
  await definitions.addFiles({ pipelines, functions });
  return definitions;
}

function toldOf(definitions: DefinitionRegistry, runs: Readonly<Record<string, number>>): string[] {
  const told: string[] = [];
  const openRuns = () =>
    Object.entries(runs).map(([key, count]) => ({ name: key.split('@')[0]!, version: Number(key.split('@')[1]), runs: count }));
  const logger = { info: (text: string) => told.push(`info: ${text}`), warn: (text: string) => told.push(`warn: ${text}`) };
  tellOpenRuns({ definitions, store: { openRuns }, logger });
  return told;
}

describe('at the start', () => {
  it('runs are told whose definition no file has any more, with their number', async () => {
    const store = new MemoryFlowStore(new MemoryDisk());
    const one = () => 1;
    await startWith(store, [hello(1, one), hello(2, one), hello(3, one)]);
    const later = await startWith(store, [hello(3, one)]);
    expect(toldOf(later, { 'hello@1': 3, 'hello@2': 1, 'hello@3': 5 })).toEqual([
      'warn: 3 runs wait for hello version 1, which no file defines',
      'warn: 1 run waits for hello version 2, which no file defines',
    ]);
    expect(toldOf(later, { 'hello@3': 5 })).toEqual([]);
  });

  it('runs are told whose functions no file has any more', async () => {
    const store = new MemoryFlowStore(new MemoryDisk());
    const functions = new Map([['charge', () => 1]]);
    const first = await startWith(store, [], functions);
    await first.define({ json: { name: 'order', stages: [{ name: 'a', run: 'charge' }] } });
    await first.define({ json: { name: 'plain', stages: [{ name: 'a', timer: 1 }] } });
    const open = { 'order@1': 2, 'plain@1': 1 };
    expect(toldOf(await startWith(store, [], functions), open)).toEqual([]);
    expect(toldOf(await startWith(store, []), open)).toEqual(['warn: 2 runs wait for order version 1, whose functions no file defines']);
  });

  it('runs are told that go on with changed code, once', async () => {
    const store = new MemoryFlowStore(new MemoryDisk());
    const open = { 'hello@1': 3, 'hello@2': 1 };
    const two = () => 2;
    expect(toldOf(await startWith(store, [hello(1, () => 1), hello(2, two)]), open)).toEqual([]);
    const changed = await startWith(store, [hello(1, () => 'another'), hello(2, two)]);
    expect(toldOf(changed, open)).toEqual(['info: code of hello version 1 changed; 3 open runs use the new code for stages to come']);
    expect(toldOf(await startWith(store, [hello(1, () => 'another'), hello(2, two)]), open)).toEqual([]);
  });

  it('nothing is told of code that an earlier release kept no digest of', async () => {
    const store = new MemoryFlowStore(new MemoryDisk());
    const pipeline = hello(1, () => 1);
    const { code: _code, ...outline } = JSON.parse(pipeline.outline!) as Record<string, unknown>;
    await store.saveDefinition({
      name: 'hello',
      version: 1,
      hash: pipeline.hash,
      json: null,
      outline: JSON.stringify(outline),
      createdAt: 1,
    });
    expect(toldOf(await startWith(store, [pipeline]), { 'hello@1': 1 })).toEqual([]);
  });
});
