import { defineWorkflow } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { DefinitionRegistry } from '../../src/definitions/definition-registry.js';
import type { Pipeline } from '../../src/definitions/pipeline.js';
import type { StoredDefinition } from '../../src/store/flow-records.js';
import { chainOf, compile, stagesOf, thrownBy } from './compiling.js';

/** Keeps what it is given as the store does: durable a turn later. */
class FakeStore {
  readonly #saved = new Map<string, StoredDefinition>();
  reads = 0;

  async saveDefinition(definition: StoredDefinition): Promise<void> {
    await Promise.resolve();
    this.#saved.set(`${definition.name}@${definition.version}`, definition);
  }

  definition(name: string, version?: number): StoredDefinition | null {
    this.reads += 1;
    if (version !== undefined) return this.#saved.get(`${name}@${version}`) ?? null;
    const versions = this.definitions().filter((stored) => stored.name === name);
    return versions.sort((a, b) => b.version - a.version)[0] ?? null;
  }

  definitions(): readonly StoredDefinition[] {
    return [...this.#saved.values()];
  }
}

function registryOn(store: FakeStore, options: { readonly maxCacheEntries?: number; readonly maxDepth?: number } = {}): DefinitionRegistry {
  return new DefinitionRegistry({ store, clock: { now: () => 1_234 }, maxDepth: 50, maxStages: 1_000, maxCacheEntries: 10, ...options });
}

const order = (version: number | undefined, stages = stagesOf({ a: [] })) => ({
  json: { name: 'order', ...(version === undefined ? {} : { version }), stages },
});
const files = (...pipelines: Pipeline[]) => ({ pipelines, functions: new Map() });
const scripted = (version: number, stage = 'charge') =>
  compile(
    defineWorkflow({ name: 'script', version }, (flow) => void flow.run(stage, { run: () => version })),
    { file: '/flows/script.ts' },
  );

describe('the registry of definitions', () => {
  it('keeps what is defined by name and version, and finds the newest', async () => {
    const store = new FakeStore();
    const registry = registryOn(store);
    await registry.define(order(1));
    expect(registry.lookUp('order').version).toBe(1);
    await registry.define({ yaml: 'name: order\nversion: 3\nstages: [{ name: a, timer: 1 }]' });
    await registry.define(order(2));
    expect([registry.lookUp('order').version, registry.lookUp('order', 2).version, registry.lookUp('order', 1).version]).toEqual([3, 2, 1]);
    expect(registry.list().map(({ version, createdAt }) => [version, createdAt])).toEqual([
      [1, 1_234],
      [3, 1_234],
      [2, 1_234],
    ]);
    const restarted = registryOn(store);
    expect([restarted.lookUp('order').version, restarted.lookUp('order', 1).hash]).toEqual([3, registry.lookUp('order', 1).hash]);
  });

  it('takes the same definition again, however often at once, and refuses another one under its version, saying what changed', async () => {
    const registry = registryOn(new FakeStore());
    const stages = stagesOf({ a: [], b: ['a'], c: [] });
    await Promise.all([registry.define(order(undefined, stages)), registry.define(order(1, stages))]);
    await registry.define(order(4, stages));
    const changed = [...stagesOf({ a: [], b: [] }), { name: 'd', timer: 1 }];
    await expect(registry.define(order(undefined, changed))).rejects.toMatchObject({
      code: 'DEFINITION_CHANGED',
      status: 409,
      message: expect.stringMatching(/version 1 .*\(stages added: d; stages removed: c; stages changed: b\).* write version: 5$/),
    });
    await expect(registry.define(order(1, [...stages].reverse()))).rejects.toThrow('the order of the stages changed');
    await expect(registry.define({ json: { ...order(1, stages).json, output: 1 } })).rejects.toThrow('the output changed');
    expect(registry.list()).toHaveLength(2);
  });

  it('lets one of two definitions win that come at once under one version', async () => {
    const registry = registryOn(new FakeStore());
    const settled = await Promise.allSettled([registry.define(order(1)), registry.define(order(1, stagesOf({ b: [] })))]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(registry.lookUp('order').stages[0]!.name).toBe('a');
  });

  it('refuses what is faulty, as text too, and keeps nothing of it', async () => {
    const registry = registryOn(new FakeStore());
    await expect(registry.define({ yaml: 'name: [' })).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
      details: [{ path: expect.stringMatching(/^yaml:1:/) }],
    });
    await expect(registry.define(order(1, chainOf(51)))).rejects.toMatchObject({ code: 'PIPELINE_TOO_DEEP' });
    expect(registry.list()).toEqual([]);
    registry.limitDepth(51);
    expect((await registry.define(order(1, chainOf(51)))).depth).toBe(51);
  });

  it('names the nearest workflow, or the versions there are, for one that is not there', async () => {
    const registry = registryOn(new FakeStore());
    await registry.define(order(2));
    expect(thrownBy(() => registry.lookUp('ordr'))).toMatchObject({
      code: 'WORKFLOW_UNKNOWN',
      kind: 'not_found',
      details: [{ suggestion: 'order' }],
    });
    expect(thrownBy(() => registry.lookUp('something-else')).message).toContain('workflow.define');
    expect(thrownBy(() => registry.lookUp('order', 7)).message).toContain('versions are 2');
    expect(thrownBy(() => registry.lookUp('__proto__')).code).toBe('WORKFLOW_UNKNOWN');
  });

  it('keeps as many ready as it may, reads others from the store, and can be resized', async () => {
    const store = new FakeStore();
    const registry = registryOn(store, { maxCacheEntries: 2 });
    for (const version of [1, 2, 3]) await registry.define(order(version));
    expect(registry.stats.size).toBe(2);
    const { reads } = store;
    const kept = registry.lookUp('order', 3);
    expect(registry.lookUp('order', 3)).toBe(kept);
    expect(store.reads).toBe(reads);
    expect(registry.lookUp('order', 1).version).toBe(1);
    expect(store.reads).toBe(reads + 1);
    expect(registry.stats).toMatchObject({ hits: 2, misses: 1 });
    registry.resize(1);
    expect(registry.stats.size).toBe(1);
    expect(registry.stats.memoryBytes).toBeGreaterThan(0);
  });

  it('lets runs end that began before limits were lowered', async () => {
    const store = new FakeStore();
    await registryOn(store).define(order(1, chainOf(20)));
    expect(registryOn(store, { maxDepth: 5 }).lookUp('order').depth).toBe(20);
  });

  it('keeps the versions of files, and notices at the next start that one changed without a new version', async () => {
    const store = new FakeStore();
    const registry = registryOn(store);
    await registry.addFiles(files(scripted(1), compile({ name: 'plain', stages: stagesOf({ a: [] }) }, { file: '/flows/plain.yaml' })));
    expect(registry.lookUp('script').stages[0]!.run!(null, null as never)).toBe(1);
    expect(store.definition('script')).toMatchObject({ json: null, hash: scripted(1).hash });
    await registryOn(store).addFiles(files(scripted(1)));
    const changed = files(
      scripted(1, 'refund'),
      compile({ name: 'plain', stages: stagesOf({ b: [] }) }, { file: '/flows/plain.yaml' }),
      scripted(9),
    );
    await expect(registryOn(store).addFiles(changed)).rejects.toMatchObject({
      code: 'DEFINITION_CHANGED',
      details: [
        { path: '/flows/script.ts', message: expect.stringMatching(/stages added: refund; stages removed: charge\).*write version: 2/) },
        { path: '/flows/plain.yaml', message: expect.stringContaining('stages added: b; stages removed: a') },
      ],
    });
    expect(store.definition('script', 9)).toBeNull();
    await registryOn(store).addFiles(files(scripted(2, 'refund')));
    expect(store.definition('script')!.version).toBe(2);
  });

  it('takes no name with a version in it for a workflow, whether that version is ready or not', async () => {
    const registry = registryOn(new FakeStore());
    await registry.define(order(1));
    expect(registry.lookUp('order', 1).version).toBe(1);
    for (const name of ['order@1', 'order@newest']) expect(thrownBy(() => registry.lookUp(name)).code).toBe('WORKFLOW_UNKNOWN');
  });

  it('names the stages of a TypeScript definition that changed', async () => {
    const store = new FakeStore();
    const shop = (...timeouts: number[]) =>
      compile(
        defineWorkflow({ name: 'shop' }, (flow) => {
          const [first, ...others] = timeouts.map((timeoutMs, index) => flow.run(`s${index}`, { timeoutMs, run: () => index }));
          return others.length > 1 ? flow.output({ first: first! }, ({ first: value }) => value) : undefined;
        }),
        { file: '/shop.ts' },
      );
    await registryOn(store).addFiles(files(shop(1, 2)));
    const refusal = (pipeline: Pipeline) => registryOn(store).addFiles(files(pipeline));
    await expect(refusal(shop(1, 9))).rejects.toMatchObject({ message: expect.stringContaining('(stages changed: s1)') });
    await expect(refusal(shop(1, 2, 3))).rejects.toMatchObject({
      message: expect.stringContaining('(stages added: s2; the output changed)'),
    });
    const data = compile({ name: 'shop', stages: stagesOf({ s0: [], other: [] }) });
    await expect(refusal(data)).rejects.toMatchObject({ message: expect.stringContaining('(stages added: other; stages removed: s1)') });
    await registryOn(store).addFiles(files(shop(1, 2)));
  });

  it('says that the file is gone for a version whose functions were in one, and falls back to a version that is there', async () => {
    const store = new FakeStore();
    await registryOn(store).addFiles(files(scripted(1), scripted(2)));
    const later = registryOn(store);
    expect(thrownBy(() => later.lookUp('script')).message).toContain('bring the file back');
    await later.addFiles(files(scripted(1)));
    expect(later.lookUp('script').version).toBe(1);
    expect(thrownBy(() => later.lookUp('script', 2))).toMatchObject({
      code: 'WORKFLOW_UNKNOWN',
      message: expect.stringContaining('bring the file back'),
    });
  });

  it('takes files again, in place of what they said before', async () => {
    const registry = registryOn(new FakeStore());
    await registry.addFiles(files(scripted(1)));
    await registry.addFiles({ pipelines: [], functions: new Map([['charge', () => 1]]) });
    await registry.define(order(1, [{ name: 'a', run: 'charge' }]));
    expect(registry.lookUp('order').stages[0]!.run!(null, null as never)).toBe(1);
    await registry.addFiles({ pipelines: [scripted(2)], functions: new Map([['charge', () => 2]]) });
    expect(registry.lookUp('order').stages[0]!.run!(null, null as never)).toBe(2);
    expect([registry.lookUp('script').version, thrownBy(() => registry.lookUp('script', 1)).code]).toEqual([2, 'WORKFLOW_UNKNOWN']);
  });

  it('says which function is missing when it is gone', async () => {
    const store = new FakeStore();
    const registry = registryOn(store);
    await registry.addFiles({ pipelines: [], functions: new Map([['charge', () => 1]]) });
    await registry.define(order(1, [{ name: 'a', run: 'charge' }]));
    expect(thrownBy(() => registryOn(store).lookUp('order'))).toMatchObject({ code: 'FUNCTION_UNKNOWN' });
  });
});
