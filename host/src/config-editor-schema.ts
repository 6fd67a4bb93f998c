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
 * It takes whatever a start takes, but for what the schema of a plugin turns into another type by itself, and a little more: what a
 * schema cannot say (needs, files, addresses) a start refuses.
 */
export function configEditorSchema(plugins: readonly DescribedPlugin[]): Json {
  const host = toJson(hostConfigSchema);
  const sections = host.properties as Readonly<Record<string, Json>>;
  const entries = sections.plugins as { readonly additionalProperties: Json };
  const any = entries.additionalProperties as { readonly properties: Readonly<Record<string, Json>> };
  const known = plugins.map(
    ({ id, config }) => [id, { ...any, properties: { ...any.properties, config: optionsOf(id, config) } }] as const,
  );
  const described = { ...sections, plugins: { ...entries, properties: Object.fromEntries(known) } };
  // one whose lines are all comments is null
  const properties = Object.fromEntries(Object.entries(described).map(([name, one]) => [name, { ...one, type: ['object', 'null'] }]));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'bellows.yaml',
    ...(forEditors({ ...host, properties }) as Json),
  };
}

/** The parts of a schema that have names are named from its own root, which is not that of the whole. */
function optionsOf(id: string, config: z.ZodType): Json {
  const root = `#/properties/plugins/properties/${id}/properties/config`;
  const isOwn = (key: string, value: unknown): value is string => key === '$ref' && typeof value === 'string' && value.startsWith('#');
  return JSON.parse(JSON.stringify(toJson(config)), (key, value: unknown) => (isOwn(key, value) ? root + value.slice(1) : value));
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
  // put in, what tells forms apart fits all of them
  const inner = Object.fromEntries(Object.entries(json).map(([key, value]) => [key === 'oneOf' ? 'anyOf' : key, innerSchemas(key, value)]));
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
function takesSubstitution({ type, enum: choices, const: only, ...rules }: Record<string, unknown>): boolean {
  if (choices !== undefined || only !== undefined) return true;
  return type === 'number' || type === 'integer' || type === 'boolean' || (type === 'string' && TEXT_RULES.some((rule) => rule in rules));
}

const TEXT_RULES: readonly string[] = ['pattern', 'format', 'minLength', 'maxLength'];

function withSubstitution({ description, default: fallback, ...schema }: Record<string, unknown>): Json {
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [schema, SUBSTITUTED],
  };
}
