import { definePlugin } from '@bellows/sdk';
import { workflowConfigSchema } from './config.js';
import { checkDefinitionFiles } from './definitions/check-definition-files.js';
import { activateWorkflow, definitionsIn } from './plugin.js';

export { WORKFLOW_ERRORS } from './errors.js';
export { WORKFLOW_METRICS } from './metrics.js';
export type { WorkflowOperationTypes } from './operation-types.js';
export { PipelineScalingManager } from './pipeline-scaling-manager.js';

export default definePlugin({
  id: 'workflow',
  config: workflowConfigSchema,
  check: ({ definitions: patterns, maxPipelineDepth: maxDepth, maxStages }, { configFolder: folder, dataDir, signal }) =>
    checkDefinitionFiles({ patterns, folder, maxDepth, maxStages, signal }, definitionsIn(dataDir)),
  async activate(ctx) {
    await activateWorkflow(ctx);
  },
});
