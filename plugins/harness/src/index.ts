import { definePlugin } from '@bellows/sdk';
import { harnessConfigSchema } from './config.js';
import { activateHarness } from './plugin.js';

export { DEFAULT_SCALE_CONFIG, type ScaleConfig } from './config.js';
export { HARNESS_ERRORS } from './errors.js';
export { Coordinator, type CoordinatorMetrics, type CoordinatorOptions, type HarnessState } from './jobs/coordinator.js';
export type { JobReport } from './jobs/job-report.js';
export type { JobRequest } from './jobs/job-requests.js';
export * from './load-test.js';
export type { HarnessOperationTypes } from './operation-types.js';
export { createScaleManager } from './scaling/create-scale-manager.js';
export type { IMergeQueue } from './scaling/scale-dependencies.js';
export { ScaleManager } from './scaling/scale-manager.js';
export type { ScaleMetrics } from './scaling/scale-metrics.js';
export { HARNESS_METRICS } from './scaling/scaling-metrics.js';
export { Worker, type WorkerState } from './scaling/worker.js';
export { WorkerPool, type WorkerPoolMetrics } from './scaling/worker-pool.js';

export default definePlugin({
  id: 'harness',
  config: harnessConfigSchema,
  async activate(ctx) {
    await activateHarness(ctx);
  },
});
