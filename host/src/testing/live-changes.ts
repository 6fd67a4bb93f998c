import { jsonSchemaOf } from '../operations/operation-schemas.js';
import { deepFreeze } from '../plugin-loader.js';
import { type JsonSchema, propertiesOf } from './json-schema.js';
import type { PluginUnderCheck } from './plugin-under-check.js';

type Config = Readonly<Record<string, unknown>>;

/** A configuration that a running plugin is to take over. */
export interface LiveChange {
  /** For people: `pool.size to 3`. */
  readonly what: string;
  /** What has to come of it; `any` for one that was made up here, which the plugin may know a reason to refuse. */
  readonly wanted: 'taken' | 'refused' | 'any';
  readonly changed: readonly string[];
  /** As it would stand in a file. */
  readonly given: Config;
  /** Valid, with defaults, deeply frozen; undefined where the schema refuses it. */
  readonly config: unknown;
}

/** Values tried of one option: a step and a leap. */
const VALUES_OF_ONE = 2;

/** Changes of options that are marked live, as far as a schema tells other values: numbers, choices and switches; then those that were given. */
export function liveChangesOf(subject: PluginUnderCheck): readonly LiveChange[] {
  const { changes = [] } = subject.options;
  return [...madeChanges(subject), ...changes.map((config) => givenChange(subject, config, 'taken'))];
}

/** Changes that were given as such that it refuses. */
export function refusedChangesOf(subject: PluginUnderCheck): readonly LiveChange[] {
  return (subject.options.refusedChanges ?? []).map((config) => givenChange(subject, config, 'refused'));
}

function givenChange(subject: PluginUnderCheck, config: Config, wanted: LiveChange['wanted']): LiveChange {
  return changeTo(subject, { ...subject.config, ...config }, { what: JSON.stringify(config), wanted, changed: Object.keys(config) });
}

/** What it runs with, as a change back from the given one. */
export function changeBack(subject: PluginUnderCheck, { what, changed }: LiveChange): LiveChange {
  return changeTo(subject, subject.config, { what: `what it was before ${what}`, wanted: 'taken', changed });
}

function madeChanges(subject: PluginUnderCheck): readonly LiveChange[] {
  const current = subject.plugin.config.parse(subject.config);
  return liveOptions(jsonSchemaOf(subject.plugin.config, 'input'), []).flatMap(({ path, schema }) => {
    const now = path.reduce<unknown>((at, key) => (at as Config | undefined)?.[key], current);
    const fitting = otherValues(schema, now).flatMap((value) => {
      const config = withValue(subject.config, path, value);
      if (!subject.plugin.config.safeParse(config).success) return [];
      const name = path.join('.');
      return [changeTo(subject, config, { what: `${name} to ${JSON.stringify(value)}`, wanted: 'any', changed: [name] })];
    });
    return fitting.slice(0, VALUES_OF_ONE);
  });
}

interface LiveOption {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
}

function liveOptions(schema: JsonSchema, above: readonly string[]): readonly LiveOption[] {
  return Object.entries(propertiesOf(schema)).flatMap(([key, property]): readonly LiveOption[] => {
    const path = [...above, key];
    return property.change === 'live' ? [{ path, schema: property }] : liveOptions(property, path);
  });
}

function otherValues({ type, enum: choices, minimum, maximum }: JsonSchema, now: unknown): readonly unknown[] {
  if (typeof now === 'boolean') return [!now];
  if (Array.isArray(choices)) return choices.filter((choice) => choice !== now);
  if (typeof now !== 'number' || (type !== 'integer' && type !== 'number')) return [];
  return [...new Set([now + 1, now * 2, now - 1, maximum, minimum])].filter((value) => typeof value === 'number' && value !== now);
}

function withValue(config: Config, [key = '', ...rest]: readonly string[], value: unknown): Config {
  return { ...config, [key]: rest.length === 0 ? value : withValue((config[key] ?? {}) as Config, rest, value) };
}

function changeTo({ plugin }: PluginUnderCheck, given: Config, said: Omit<LiveChange, 'given' | 'config'>): LiveChange {
  return { ...said, given, config: deepFreeze(plugin.config.safeParse(given).data) };
}
