import { definePlugin } from '@bellows/sdk';
import { config } from './config.js';
import { greetOperation } from './greet.js';
import { sdkOperation } from './sdk-identity.js';
import { shellOperation } from './shell.js';

/** What is provided here is withdrawn by the host when the plugin stops; nothing needs to be undone by hand. */
export const plugin = definePlugin({
  id: 'greeter',
  config,
  activate(ctx) {
    ctx.operations.provide(greetOperation(ctx.config, ctx.bus));
    ctx.operations.provide(sdkOperation(ctx.operations));
    ctx.operations.provide(shellOperation());
    ctx.logger.info('ready to greet', { salutation: ctx.config.salutation });
  },
});
