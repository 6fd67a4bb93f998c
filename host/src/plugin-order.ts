import { type ErrorDetail, nearestName } from '@bellows/sdk';

export interface Needing {
  readonly id: string;
  readonly needs: readonly string[];
}

/**
 * Orders plugins so that each comes after everything it needs: `waves[0]` needs nothing, the members of one wave do not
 * need each other and start in parallel. Pure. Within a wave, and between equals, the given order is kept.
 * Unknown needs and cycles are problems, each named once; a plugin that depends on a cycle is not itself reported.
 */
export function orderPlugins<P extends Needing>(
  plugins: readonly P[],
): { readonly waves: readonly (readonly P[])[]; readonly problems: readonly ErrorDetail[] } {
  const ids = new Set(plugins.map((plugin) => plugin.id));
  const problems = plugins.flatMap((plugin) =>
    plugin.needs
      .filter((need) => !ids.has(need))
      .map((need) => {
        const suggestion = nearestName(
          need,
          [...ids].filter((id) => id !== plugin.id),
        );
        const message = `needs the plugin ${JSON.stringify(need)}, which is not configured`;
        return { path: `plugins.${plugin.id}`, message, ...(suggestion === undefined ? {} : { suggestion }) };
      }),
  );

  const waves: P[][] = [];
  const placed = new Set<string>();
  let left = [...plugins];
  while (left.length > 0) {
    const wave = left.filter((plugin) => plugin.needs.every((need) => placed.has(need) || !ids.has(need)));
    if (wave.length === 0) break;
    for (const plugin of wave) placed.add(plugin.id);
    waves.push(wave);
    left = left.filter((plugin) => !placed.has(plugin.id));
  }
  for (const cycle of findCycles(left)) {
    problems.push({
      path: `plugins.${cycle[0]}`,
      message: `needs itself through ${[...cycle, cycle[0]].join(' → ')}: remove one of these needs`,
    });
  }
  return { waves, problems };
}

/** One cycle per knot: follows needs from each plugin not yet seen until one repeats. */
function findCycles(plugins: readonly Needing[]): string[][] {
  const needs = new Map(plugins.map((plugin) => [plugin.id, plugin.needs.filter((need) => plugins.some(({ id }) => id === need))]));
  const seen = new Set<string>();
  const cycles: string[][] = [];
  for (const { id } of plugins) {
    const trail: string[] = [];
    let current: string | undefined = id;
    while (current !== undefined && !seen.has(current)) {
      seen.add(current);
      trail.push(current);
      current = needs.get(current)?.[0];
    }
    const start = current === undefined ? -1 : trail.indexOf(current);
    if (start >= 0) cycles.push(trail.slice(start));
  }
  return cycles;
}
