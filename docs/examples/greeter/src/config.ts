import { option, z } from '@bellows/sdk';

/** The only source of this plugin's options: defaults, checks, JSON Schema and reference page are made from it. */
export const config = z.strictObject({
  salutation: option(z.string().min(1).max(100).default('Hello'), {
    what: 'The word before the name.',
  }),
  maxNameLength: option(z.int().min(1).max(10_000).default(100), {
    what: 'The longest name that is greeted.',
    unit: 'characters',
    raise: 'when real names are refused',
    lower: 'when the events of this plugin grow too large',
  }),
});

export type Config = z.output<typeof config>;
