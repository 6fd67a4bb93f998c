import { definePlugin } from '@bellows/sdk';
import { computeConfigSchema } from './config.js';
import { activateCompute } from './plugin.js';

export { COMPUTE_ERRORS } from './errors.js';
export { COMPUTE_METRICS } from './metrics.js';
export type { ComputeOperationTypes } from './operation-types.js';
export { WasmScalingManager } from './wasm-scaling-manager.js';

export default definePlugin({
  id: 'compute',
  config: computeConfigSchema,
  async activate(ctx) {
    await activateCompute(ctx);
  },
});
