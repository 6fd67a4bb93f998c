import { z } from '@bellows/sdk';
import { hostConfigSchema } from './config-schema.js';

type Json = Readonly<Record<string, unknown>>;

/** A plugin whose options are described too. */
export interface DescribedPlugin {
  readonly id: string;
  readonly config: z.ZodType;
}

/** What stands for a value that is put in from elsewhere, also where a number is wanted. */
const SUBSTITUTED: Json = Object.freeze({ type: 'string', pattern: '\\$\\{(env|file):' });

/**
 * The JSON Schema (draft 2020-12) of a whole bellows.yaml for editors: the options of the host, and below `plugins` those of each plugin
 * given. Its descriptions say when to raise and to lower an option and whether it changes live. Plugins not given may have any options.
 * It takes whatever a start takes, and a little more: what a schema cannot say (needs, files, addresses) a start refuses.
 */
export function configEditorSchema(plugins: readonly DescribedPlugin[]): Json {
  const host = toJson(hostConfigSchema);
  const properties = host.properties as Readonly<Record<string, Json>>;
  const entries = properties.plugins as { readonly additionalProperties: Json };
  const any = entries.additionalProperties as { readonly properties: Readonly<Record<string, Json>> };
  const known = plugins.map(({ id, config }) => [id, { ...any, properties: { ...any.properties, config: toJson(config) } }] as const);
  const all = { ...host, properties: { ...properties, plugins: { ...entries, properties: Object.fromEntries(known) } } };
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'bellows.yaml', ...(forEditors(all) as Json) };
}

function toJson(schema: z.ZodType): Json {
  const { $schema: _draft, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return json;
}

/** Keys whose values are schemas by name, schemas, and lists of schemas. */
const MAPS: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs']);
const SINGLE: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'not']);
const LISTS: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);

function forEditors(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  const { unit, raise, lower, change, secret, ...json } = schema as Record<string, unknown>;
  const inner = Object.fromEntries(Object.entries(json).map(([key, value]) => [key, innerSchemas(key, value)]));
  const text = wordsOf({ ...json, unit, raise, lower, change });
  const described = { ...inner, ...(text === undefined ? {} : { description: text }), ...(secret === true ? { writeOnly: true } : {}) };
  return takesSubstitution(json) ? withSubstitution(described) : described;
}

function innerSchemas(key: string, value: unknown): unknown {
  if (MAPS.has(key)) return Object.fromEntries(Object.entries(value as object).map(([name, one]) => [name, forEditors(one)]));
  if (LISTS.has(key)) return (value as readonly unknown[]).map(forEditors);
  return SINGLE.has(key) ? forEditors(value) : value;
}

function wordsOf({ description, unit, raise, lower, change }: Record<string, unknown>): string | undefined {
  if (typeof description !== 'string') return undefined;
  const more = [
    unit === undefined ? '' : `Unit: ${unit}.`,
    raise === undefined ? '' : `Raise it ${raise}.`,
    lower === undefined ? '' : `Lower it ${lower}.`,
    change === 'live' ? 'A reload changes it live.' : '',
  ];
  return [description, ...more].filter((part) => part !== '').join(' ');
}

/** Mappings and lists are written out; everything else may be put in, unless any text is good already. */
function takesSubstitution({ type, enum: choices, const: only, pattern }: Record<string, unknown>): boolean {
  if (choices !== undefined || only !== undefined) return true;
  return type === 'number' || type === 'integer' || type === 'boolean' || (type === 'string' && pattern !== undefined);
}

function withSubstitution({ description, default: fallback, ...schema }: Record<string, unknown>): Json {
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [schema, SUBSTITUTED],
  };
}
