import type { IOperations, OperationDefinition } from '@bellows/sdk';
import type { ComputeConfig } from './config.js';
import type { ExecutorPool } from './executor-pool.js';
import type { ModuleInstaller } from './module-installer.js';
import type { ModuleInvoker } from './module-invoker.js';
import type { ModuleStats } from './module-stats.js';
import type { ModuleCatalogue } from './modules/module-catalogue.js';
import { effectiveConfig } from './modules/module-record.js';
import { schemas } from './operation-schemas.js';

export interface ComputeServices {
  /** What is in force now. */
  readonly config: () => ComputeConfig;
  readonly catalogue: ModuleCatalogue;
  readonly installer: ModuleInstaller;
  readonly invoker: ModuleInvoker;
  readonly stats: ModuleStats;
  readonly pool: Pick<ExecutorPool, 'warm'>;
}

/** Offers `compute.*` until the plugin stops. */
export function provideOperations(operations: IOperations, services: ComputeServices): void {
  const { config, catalogue, installer, invoker, stats, pool } = services;
  operations.provide(
    defineOperation({
      name: 'compute.put',
      summary: 'Keeps a WebAssembly module under a name; replaces what had the name.',
      ...schemas.put,
      handler: (input, call) => installer.put(input, call),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'compute.invoke',
      summary: 'Calls an exported function of a module in a fresh instance.',
      ...schemas.invoke,
      handler: (input, call) => invoker.invoke(input, call),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'compute.list',
      summary: 'Names every module.',
      ...schemas.list,
      role: 'reader',
      effort: 'view',
      handler: async () => ({
        modules: (await catalogue.list()).map(({ name, hash, bytes, kind }) => ({ name, hash, bytes, kind, calls: stats.of(name).calls })),
      }),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'compute.get',
      summary: 'Shows a module: what it exports, its configuration, its pool, its last errors.',
      ...schemas.get,
      role: 'reader',
      effort: 'view',
      handler: async ({ name }, call) => {
        const record = await catalogue.get(name, call.signal);
        const counts = stats.of(name);
        const inForce = effectiveConfig(record.settings, config());
        const { warm, cold, overflow } = counts.pool;
        return {
          name,
          hash: record.hash,
          bytes: record.bytes,
          kind: record.kind,
          exports: record.exports,
          imports: record.imports,
          config: inForce,
          pool: { size: inForce.maxPoolSize, warm: pool.warm(record.hash), hits: warm, misses: cold + overflow, overflow },
          calls: counts.calls,
          lastErrors: [...counts.lastErrors],
        };
      },
    }),
  );
  operations.provide(
    defineOperation({
      name: 'compute.remove',
      summary: 'Forgets a module and its configuration.',
      ...schemas.remove,
      handler: async ({ name }) => {
        await catalogue.remove(name);
        stats.forget(name);
        return { name };
      },
    }),
  );
  operations.provide(
    defineOperation({
      name: 'compute.config',
      summary: 'Changes the limits of a module, from its next call on, and shows what is in force.',
      ...schemas.config,
      handler: async ({ name, ...change }) => ({ name, config: await installer.configure(name, change) }),
    }),
  );
}

/** Fixes the types of a definition to its schemas. */
function defineOperation<I, O>(definition: OperationDefinition<I, O>): OperationDefinition<I, O> {
  return definition;
}
