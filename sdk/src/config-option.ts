import { z } from 'zod';
import { type ErrorDetail, InputError } from './errors.js';
import { kindOfValue } from './kind-of-value.js';
import { optionNames, optionProblems, problemText } from './known-options.js';
import { isZodSchema } from './plugin.js';

export interface OptionText {
  /** What it is, one sentence. */
  readonly what: string;
  /** `ms`, `bytes`, `pages`, … where it is a number with one. */
  readonly unit?: string;
  readonly raise?: string;
  readonly lower?: string;
  /** `live`: taken over without a restart of the plugin. Default `restart`. */
  readonly change?: 'live' | 'restart';
  /** Its value is a password, a key or the like: `config print`, `config diff` and the report of a reload hide it wherever it came from. */
  readonly secret?: boolean;
}

/**
 * Attaches the words that JSON Schema, `bellows config print` and the reference pages show.
 * Every option of every plugin carries them; numbers say when to raise and when to lower. `InputError` (`OPTION_INVALID`) for what means
 * nothing: a mark that is misspelt would leave a secret to be seen.
 */
export function option<S extends z.ZodType>(schema: S, text: OptionText): S {
  demandOption(schema, text);
  const { what, unit, raise, lower, change = 'restart', secret = false } = text;
  return schema.meta({
    description: what,
    ...(unit === undefined ? {} : { unit }),
    ...(raise === undefined ? {} : { raise }),
    ...(lower === undefined ? {} : { lower }),
    change,
    ...(secret ? { secret } : {}),
  }) as S;
}

function demandOption(schema: unknown, text: OptionText): void {
  const problems: ErrorDetail[] = [...optionProblems(text, TEXT_MEMBERS, 'text')];
  if (!isZodSchema(schema))
    problems.push({ path: 'schema', message: `must be made with z of @bellows/sdk, and is ${kindOfValue(schema)}` });
  if (typeof text === 'object' && text !== null) {
    const { what, change, secret } = text;
    if (typeof what !== 'string' || what === '')
      problems.push({ path: 'text.what', message: 'must be a sentence that says what the option is' });
    if (change !== undefined && change !== 'live' && change !== 'restart') {
      problems.push({ path: 'text.change', message: "must be 'live' or 'restart'" });
    }
    if (secret !== undefined && typeof secret !== 'boolean') problems.push({ path: 'text.secret', message: 'must be true or false' });
  }
  if (problems.length === 0) return;
  throw new InputError('OPTION_INVALID', `option(schema, text) was called wrongly: ${problemText(problems)}`, { details: problems });
}

const TEXT_MEMBERS = optionNames<OptionText>({ what: true, unit: true, raise: true, lower: true, change: true, secret: true });

export { z };
