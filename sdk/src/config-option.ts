import { z } from 'zod';

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
 * Every option of every plugin carries them; numbers say when to raise and when to lower.
 */
export function option<S extends z.ZodType>(schema: S, text: OptionText): S {
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

export { z };
