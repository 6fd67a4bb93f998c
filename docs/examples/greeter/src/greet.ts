import { type IEventBus, InputError, type OperationDefinition, z } from '@bellows/sdk';
import type { Config } from './config.js';

const input = z.strictObject({ name: z.string().min(1) });
const output = z.strictObject({ greeting: z.string() });

/** `greeter.greet`: answers with a greeting and publishes it as `greeter.greeted`. `InputError` for a name that is too long. */
export function greetOperation(
  config: Config,
  bus: Pick<IEventBus, 'publish'>,
): OperationDefinition<z.output<typeof input>, z.output<typeof output>> {
  return {
    name: 'greeter.greet',
    summary: 'Greets somebody by name.',
    role: 'reader',
    input,
    output,
    async handler({ name }) {
      if (name.length > config.maxNameLength) {
        throw new InputError(
          'NAME_TOO_LONG',
          `The name has ${name.length} characters, at most ${config.maxNameLength} are greeted: shorten it, or raise plugins.greeter.config.maxNameLength.`,
        );
      }
      const greeting = `${config.salutation}, ${name}!`;
      bus.publish({ topic: 'greeter.greeted', payload: { name, greeting } });
      return { greeting };
    },
  };
}
