import { defineErrorCodes } from '@bellows/sdk';

/** Every code this plugin answers, who must act, and what it means. In a clone, `npm run check` finds a code that is missing here. */
export const ERROR_CODES = defineErrorCodes({
  NAME_TOO_LONG: { kind: 'input', text: 'The name has more characters than `maxNameLength`. Shorten it or raise the option.' },
});
