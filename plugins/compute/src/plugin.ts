import path from 'node:path';
import { type BellowsError, type PluginContext, systemClock, TOKENS } from '@bellows/sdk';
import type { ComputeConfig } from './config.js';
import { executorFlags } from './executor-flags.js';
import { ExecutorPool } from './executor-pool.js';
import { ModuleInstaller } from './module-installer.js';
import { ModuleInvoker } from './module-invoker.js';
import { ModuleStats } from './module-stats.js';
import { ModuleCatalogue } from './modules/module-catalogue.js';
import { ModuleFiles } from './modules/module-files.js';
import { provideOperations } from './operations.js';
import { WasmScalingManager } from './wasm-scaling-manager.js';

/** The process that runs guests, beside this file once it is built. */
const EXECUTOR_ENTRY = new URL('./executor/main.js', import.meta.url);

/** Puts the parts of compute together. No executor is started before the first call. Answers the pool, to look at its processes. */
export async function activateCompute(ctx: PluginContext<ComputeConfig>, entry: URL = EXECUTOR_ENTRY): Promise<ExecutorPool> {
  const { config, clock, random, logger, store } = ctx;
  const files = new ModuleFiles(path.join(ctx.dataDir, 'modules'));
  await files.open();
  const catalogue = new ModuleCatalogue({ store, files, maxEntries: config.maxCacheEntries });
  const { executors: maxExecutors, maxPooledModules } = config;
  const flags = executorFlags(entry, files.folder);
  const onFailing = (error: BellowsError | undefined) =>
    error === undefined ? ctx.recover('EXECUTORS_FAILING') : ctx.degrade(error.code, error.message);
  const pool = new ExecutorPool({
    entry,
    flags,
    maxExecutors,
    maxPooledModules,
    clock,
    processClock: systemClock,
    random,
    logger,
    onFailing,
  });
  const manager = new WasmScalingManager({ config, clock, machine: ctx.get(TOKENS.Machine), logger, pool, cache: catalogue });
  // in this order: after an interruption what is owned is let go at once, and a start must not come behind that
  manager.start();
  ctx.own(() => manager.stop());
  ctx.registerSubsystem(manager);
  const stats = new ModuleStats(config.maxCacheEntries);
  // asked at each call: those that run go on with what they began with
  let inForce = config;
  const configInForce = () => inForce;
  const invoker = new ModuleInvoker({ config: configInForce, clock, catalogue, files, stats, manager });
  const uploads = () => ctx.get(TOKENS.Uploads);
  const installer = new ModuleInstaller({ config: configInForce, clock, catalogue, files, uploads, manager });
  provideOperations(ctx.operations, { config: configInForce, catalogue, installer, invoker, stats, pool });
  ctx.onReconfigure(({ config: next }) => {
    manager.configure(next);
    stats.resize(next.maxCacheEntries);
    inForce = next;
  });
  return pool;
}
