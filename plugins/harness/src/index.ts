import { definePlugin } from '@bellows/sdk';
import { harnessConfigSchema } from './config.js';

export { HARNESS_ERRORS } from './errors.js';

export default definePlugin({
  id: 'harness',
  config: harnessConfigSchema,
  activate() {},
});
