import { definePlugin } from '@bellows/sdk';
import { workflowConfigSchema } from './config.js';
import { activateWorkflow } from './plugin.js';

export { WORKFLOW_ERRORS } from './errors.js';
export { PipelineScalingManager } from './pipeline-scaling-manager.js';

export default definePlugin({
  id: 'workflow',
  config: workflowConfigSchema,
  async activate(ctx) {
    await activateWorkflow(ctx);
  },
});
