import { definePlugin } from '@bellows/sdk';
import { workflowConfigSchema } from './config.js';

export { WORKFLOW_ERRORS } from './errors.js';

export default definePlugin({
  id: 'workflow',
  config: workflowConfigSchema,
  activate() {},
});
