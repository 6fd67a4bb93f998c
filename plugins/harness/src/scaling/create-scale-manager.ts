import type { ScaleConfig } from '../config.js';
import type { IMergeQueue } from './scale-dependencies.js';
import { ScaleManager } from './scale-manager.js';
import type { WorkerPool } from './worker-pool.js';

/** The documented factory. */
export function createScaleManager(
  workerPool: WorkerPool,
  cwd: string,
  mergeQueue: IMergeQueue | null = null,
  config: Partial<ScaleConfig> = {},
): ScaleManager {
  return new ScaleManager(workerPool, cwd, mergeQueue, config);
}
