import type { ScalingDecision } from '@bellows/sdk';
import type { DemoAct } from './demo-report.js';

/** How the ceiling of one subsystem moved in one act, for people. */
export interface CeilingPath {
  readonly act: string;
  readonly subsystem: string;
  /** Where it began, where it turned, where it ended. */
  readonly ceilings: readonly number[];
  /** Why it began to move, and why it came to rest where it did. */
  readonly why: string;
}

/**
 * What the governor did in each act, in a few words: the acts in their order, in each the subsystems in the order in which they moved.
 * Decisions oldest first. What happened before the first act belongs to it.
 */
export function ceilingPaths(decisions: readonly ScalingDecision[], acts: readonly DemoAct[]): readonly CeilingPath[] {
  return acts.flatMap(({ name, at }, index) => {
    const from = index === 0 ? Number.NEGATIVE_INFINITY : at;
    const until = acts[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    const own = decisions.filter((one) => one.at >= from && one.at < until && one.from !== one.to && one.outcome !== 'none');
    return [...Map.groupBy(own, ({ subsystem }) => subsystem)].map(([subsystem, some]) => ({ act: name, subsystem, ...pathOf(some) }));
  });
}

function pathOf(decisions: readonly ScalingDecision[]): Pick<CeilingPath, 'ceilings' | 'why'> {
  const refused = decisions.filter(({ outcome }) => outcome === 'refused');
  const refusals = refused.length > 0 ? [`refused: ${refused.at(-1)?.error ?? 'no reason given'}`] : [];
  const runs = sameWay(decisions.filter(({ outcome }) => outcome === 'applied'));
  const reached = runs.flatMap((run) => run.slice(-1));
  const ends = [...new Set([...reached.slice(0, 1), ...reached.slice(-1)].map(inWords))];
  const first = decisions[0]?.from ?? 0;
  return { ceilings: [first, ...reached.map(({ to }) => to)], why: [...new Set([...ends, ...refusals])].join('; then ') };
}

/** Steps up that follow each other, steps down that follow each other, in turn. */
function sameWay(decisions: readonly ScalingDecision[]): readonly (readonly ScalingDecision[])[] {
  const runs: ScalingDecision[][] = [];
  for (const decision of decisions) {
    const [run, last] = [runs.at(-1), runs.at(-1)?.at(-1)];
    if (run && last && Math.sign(last.to - last.from) === Math.sign(decision.to - decision.from)) run.push(decision);
    else runs.push([decision]);
  }
  return runs;
}

/** The reason of the governor for somebody who has not met it before; its own sentence says more. */
function inWords({ limitedBy, inputs, reason }: ScalingDecision): string {
  const { demand = 0, windowDemand = 0, weight = 1 } = inputs;
  switch (limitedBy) {
    case 'share':
      return `wants ${demand}: gets its share (weight ${weight})`;
    case 'demand':
      return `wants ${demand}: gets all it wants`;
    case 'floor':
      return `wants ${demand === 0 ? 'nothing' : demand}: keeps its floor`;
    case 'stabilization':
      return `wanted ${windowDemand} a moment ago: kept a while`;
    default:
      return reason;
  }
}
