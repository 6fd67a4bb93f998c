import { createRequire } from 'node:module';
import { z } from 'zod';
import type { ErrorDetail } from './errors.js';
import { findUnconvertible } from './unconvertible.js';

/** The version of this package; equal to the one in its package.json. */
export const SDK_VERSION = '0.1.0';

/** Also the first part of the plugin's operations and subsystems. */
const pluginId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be lower-case words joined by single hyphens, such as "my-plugin"')
  .max(64, 'must have at most 64 characters');

const version = z.string().refine((text) => semver().valid(text, { loose: false }) === text, 'must be a version such as "1.2.3"');
const range = z.string().refine((text) => semver().validRange(text) !== null, 'must be a range of versions such as "^0.1.0"');

/** plugin.json: what the host knows of a plugin before it runs any of its code. */
export const pluginManifestSchema = z.strictObject({
  id: pluginId.meta({ description: 'Names the plugin in bellows.yaml; begins the names of its operations and subsystems.' }),
  version: version.meta({ description: 'Version of the plugin.' }),
  sdk: range.meta({ description: 'Versions of @bellows/sdk it works with; needs an upper bound.', examples: ['^0.1.0'] }),
  needs: z.array(pluginId).default([]).meta({ description: 'Plugins that must be active before this one is activated.' }),
  stability: z
    .enum(['stable', 'beta', 'experimental'])
    .default('experimental')
    .meta({ description: 'How much may change between versions.' }),
});

export type PluginManifest = z.output<typeof pluginManifestSchema>;

export type ManifestResult = { readonly manifest: PluginManifest } | { readonly problems: readonly ErrorDetail[] };

/** Checks the content of a plugin.json. Never throws; reports every problem. The SDK range is judged by {@link sdkRangeProblem}. */
export function parseManifest(json: unknown): ManifestResult {
  const unconvertible = findUnconvertible(json);
  if (unconvertible !== undefined) return { problems: [{ path: unconvertible, message: 'must be a number' }] };
  const result = pluginManifestSchema.safeParse(json);
  if (!result.success) return { problems: result.error.issues.flatMap(problemsOf) };
  const { id, needs } = result.data;
  const problems: ErrorDetail[] = [];
  if (needs.includes(id)) problems.push({ path: 'needs', message: `must not name the plugin itself (${id})` });
  return problems.length > 0 ? { problems } : { manifest: Object.freeze(result.data) };
}

export interface SdkRangeProblem {
  readonly code: 'PLUGIN_SDK_RANGE' | 'PLUGIN_SDK_RANGE_OPEN';
  readonly message: string;
}

/**
 * `null` when `range` has an upper bound and holds `sdkVersion`. Open (`*`, `x`, `>=1`, also as one of several alternatives) is refused
 * even where the version fits, because the next major version of the SDK would be let in unseen.
 */
export function sdkRangeProblem(range: string, sdkVersion: string): SdkRangeProblem | null {
  const { Range, satisfies, validRange } = semver();
  if (validRange(range) === null) {
    return { code: 'PLUGIN_SDK_RANGE', message: `"${range}" is no range of versions: write the SDK range as ^${sdkVersion}` };
  }
  const open = new Range(range).set.some((comparators) => !comparators.some(boundsAbove));
  if (open) {
    const message = `The SDK range "${range}" has no upper bound, so versions that do not exist yet would be accepted: write ^${sdkVersion}`;
    return { code: 'PLUGIN_SDK_RANGE_OPEN', message };
  }
  if (satisfies(sdkVersion, range, { includePrerelease: true })) return null;
  const message = `The plugin works with SDK ${range} and this host has SDK ${sdkVersion}: ${remedy(range, sdkVersion)}`;
  return { code: 'PLUGIN_SDK_RANGE', message };
}

function remedy(range: string, sdkVersion: string): string {
  return semver().ltr(sdkVersion, range)
    ? 'use a newer host, or an older version of the plugin'
    : 'use a newer version of the plugin, or rebuild it for this SDK';
}

/** Of semver's parsed form, where `^`, `~` and `1.x` are already pairs of bounds. `''` is an exact version, or anything when it has no value. */
function boundsAbove({ operator, value }: { readonly operator: string; readonly value: string }): boolean {
  return operator === '<' || operator === '<=' || (operator === '' && value !== '');
}

type Semver = typeof import('./semver.js');
let loaded: Semver | undefined;

/** Loaded by the first manifest: plugins import this package too, and never need it. */
function semver(): Semver {
  loaded ??= createRequire(import.meta.url)('#semver') as Semver;
  return loaded;
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue): ErrorDetail[] {
  const path = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  const known = Object.keys(pluginManifestSchema.shape).join(', ');
  return issue.keys.map((key) => ({ path: path === '' ? key : `${path}.${key}`, message: `is no key of plugin.json; known are ${known}` }));
}
