import { isDeepStrictEqual } from 'node:util';
import type { z } from '@bellows/sdk';
import type { LoadedConfig } from '../config-file.js';
import { type HostConfig, hostConfigSchema, type PluginEntry } from '../config-schema.js';
import { HIDDEN_VALUE, originOf, shownValue } from '../hidden-values.js';
import type { LoadedPlugin } from '../plugin-loader.js';
import { joinPath } from '../value-path.js';
import { changeMark, holdsSecret } from './change-mark.js';

/** What a reload does about one difference. `live`: nothing stops for it. */
export type ChangeEffect = 'live' | 'plugin-restart' | 'host-restart' | 'add' | 'remove';

/** For people. */
export const EFFECT_WORDS: Readonly<Record<ChangeEffect, string>> = Object.freeze({
  live: 'while it runs',
  'plugin-restart': 'with a restart of the plugin',
  'host-restart': 'at the next start of the host',
  add: 'the plugin is added',
  remove: 'the plugin is removed',
});

export interface ConfigChange {
  /** As problems name it: `plugins.compute.config.executors`. */
  readonly path: string;
  /** Undefined where there was nothing; {@link HIDDEN_VALUE} for what was put in from the environment or a file. */
  readonly from: unknown;
  readonly to: unknown;
  readonly effect: ChangeEffect;
}

/** A configuration as it is compared: with defaults, and for each plugin what its schema made of it. */
export interface ComparedConfig {
  readonly config: HostConfig;
  readonly origins: LoadedConfig['origins'];
  readonly secrets: LoadedConfig['secrets'];
  readonly plugins: ReadonlyMap<string, { readonly config: unknown; readonly schema: z.ZodType }>;
}

/** The view of a configuration that was read and checked. */
export function comparedConfig({ config, origins, secrets }: LoadedConfig, plugins: readonly LoadedPlugin[]): ComparedConfig {
  return { config, origins, secrets, plugins: new Map(plugins.map(({ id, config, plugin }) => [id, { config, schema: plugin.config }])) };
}

/**
 * Every option that differs, and what a reload does about it. Pure. Lists are compared as wholes: where one entry more stands in front,
 * not every following one has changed. A plugin that comes or goes is one change, its options are not told one by one.
 * What a secret was or becomes is never in the answer, only that it differs.
 */
export function configChanges(running: ComparedConfig, next: ComparedConfig): readonly ConfigChange[] {
  const { plugins: _running, ...from } = running.config;
  const { plugins: _next, ...to } = next.config;
  const sides = { from: running, to: next };
  const isLive = (path: readonly PropertyKey[]) => changeMark(hostConfigSchema, path) === 'live';
  const host = withoutDefaults(differences(from, to, []), sides).map((difference) =>
    told(difference, { sides, base: '', effect: isLive(difference.path) ? 'live' : 'host-restart', schemas: [hostConfigSchema] }),
  );
  const ids = new Set([...Object.keys(running.config.plugins), ...Object.keys(next.config.plugins)]);
  return [...host, ...[...ids].flatMap((id) => pluginChanges(id, running, next))];
}

function pluginChanges(id: string, running: ComparedConfig, next: ComparedConfig): readonly ConfigChange[] {
  const before = entryOf(running, id);
  const after = entryOf(next, id);
  const base = joinPath('plugins', [id]);
  if (before === undefined) return [{ path: base, from: undefined, to: shownValue(`${base}.from`, after?.from, next), effect: 'add' }];
  if (after === undefined) return [{ path: base, from: shownValue(`${base}.from`, before.from, running), to: undefined, effect: 'remove' }];
  const { config: _before, ...entryBefore } = before;
  const { config: _after, ...entryAfter } = after;
  const sides = { from: running, to: next };
  const entry = differences(entryBefore, entryAfter, []).map((difference) => {
    const isLive = changeMark(hostConfigSchema, ['plugins', id, ...difference.path]) === 'live';
    return told(difference, { sides, base, effect: isLive ? 'live' : 'plugin-restart', schemas: [hostConfigSchema] });
  });
  const known = running.plugins.get(id);
  const wanted = next.plugins.get(id);
  if (known === undefined || wanted === undefined) return entry;
  const options = differences(known.config, wanted.config, []).map((difference) => {
    const isLive = [known, wanted].every(({ schema }) => changeMark(schema, difference.path) === 'live');
    return told(difference, {
      sides,
      base: joinPath(base, ['config']),
      effect: isLive ? 'live' : 'plugin-restart',
      schemas: [known.schema, wanted.schema],
    });
  });
  return [...entry, ...options];
}

/** An operator may call a plugin what every object has (`constructor`). */
function entryOf({ config: { plugins } }: ComparedConfig, id: string): PluginEntry | undefined {
  return Object.hasOwn(plugins, id) ? plugins[id] : undefined;
}

interface Difference {
  readonly path: readonly PropertyKey[];
  readonly from: unknown;
  readonly to: unknown;
}

function differences(from: unknown, to: unknown, path: readonly PropertyKey[]): readonly Difference[] {
  if (isDeepStrictEqual(from, to)) return [];
  const sides = [from, to].filter((side) => side !== undefined);
  if (path.length > 0 && !sides.every(hasKeys)) return [{ path, from, to }];
  const keys = new Set(sides.flatMap((side) => Object.keys(side as object)));
  return [...keys].flatMap((key) => differences(valueAt(from, key), valueAt(to, key), [...path, key]));
}

/** An empty map beside one with entries has lost them one by one; where there was nothing before, it is a value of its own. */
function hasKeys(value: unknown, _index: number, sides: readonly unknown[]): boolean {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;
  return sides.length > 1 || Object.keys(value).length > 0;
}

function valueAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

/**
 * What nobody wrote of a policy or a tenant that comes or goes, its defaults and empty maps, says nothing beside what somebody wrote. All
 * such maps of the host are `live`, so what is left out changes no effect.
 */
function withoutDefaults(found: readonly Difference[], { from, to }: Telling['sides']): readonly Difference[] {
  const isWritten = (difference: Difference) => {
    const { path, from: before, to: after } = difference;
    if (before !== undefined && after !== undefined) return true;
    return originOf(joinPath('', path), (before === undefined ? to : from).origins) !== 'default';
  };
  const told = new Set(found.filter(isWritten).map(mapEntry));
  return found.filter((difference) => isWritten(difference) || !told.has(mapEntry(difference)));
}

/** `governor.subsystems.<name>`, `tenants.<name>`. */
function mapEntry({ path }: Difference): string {
  return joinPath('', path.slice(0, path[0] === 'tenants' ? 2 : 3));
}

interface Telling {
  readonly sides: Readonly<Record<'from' | 'to', ComparedConfig>>;
  readonly base: string;
  readonly effect: ChangeEffect;
  /** A secret is what either of them marks as one. */
  readonly schemas: readonly z.ZodType[];
}

function told({ path: keys, from, to }: Difference, { sides, base, effect, schemas }: Telling): ConfigChange {
  const path = joinPath(base, keys);
  const shown = (value: unknown, side: ComparedConfig) =>
    value !== undefined && schemas.some((schema) => holdsSecret(schema, keys, value)) ? HIDDEN_VALUE : shownValue(path, value, side);
  return { path, from: shown(from, sides.from), to: shown(to, sides.to), effect };
}
