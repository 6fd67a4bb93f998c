import type { Faults } from './faults.js';
import type { PipelineDraft } from './stage-draft.js';

/** Names of a chain or cycle that a message shows before its middle is left out. */
const MAX_SHOWN = 12;

export interface StageGraph {
  /** Ascending, each once. */
  readonly dependsOn: readonly (readonly number[])[];
  readonly dependants: readonly (readonly number[])[];
  readonly roots: readonly number[];
  readonly depth: number;
}

/**
 * Finds out how stages hang together, in time and memory proportional to stages and dependencies, without recursion. Cycles and
 * chains longer than `maxDepth` are faults; after a cycle the depth is of no use.
 */
export function linkStages(draft: PipelineDraft, maxDepth: number, faults: Faults): StageGraph {
  const dependsOn = draft.stages.map((stage, index) => checkedDependencies(stage?.dependsOn ?? [], index, faults));
  const dependants = reversed(dependsOn);
  const roots = dependsOn.flatMap((list, index) => (list.length === 0 ? [index] : []));
  const { levels, waiting } = levelsOf({ dependsOn, dependants });
  const cycles = waiting.size === 0 ? [] : cyclesAmong(waiting, dependsOn);
  for (const cycle of cycles) {
    const names = cycle.map((index) => draft.names[index]!);
    faults.add({ path: `stages[${cycle[0]!}].dependsOn`, message: `stages wait for each other: ${shownChain([...names, names[0]!])}` });
  }
  let depth = 0;
  for (const level of levels) if (level > depth) depth = level;
  if (cycles.length === 0 && depth > maxDepth) {
    const chain = chainOf(levels, { dependsOn }).map((index) => draft.names[index]!);
    const message = `the longest chain has ${depth} stages and ${maxDepth} are allowed: ${shownChain(chain)}`;
    faults.add({ code: 'PIPELINE_TOO_DEEP', path: 'stages', message });
  }
  return { dependsOn, dependants, roots, depth };
}

/** `a → b → c`; of a long chain the middle is left out. */
export function shownChain(names: readonly string[]): string {
  if (names.length <= MAX_SHOWN) return names.join(' → ');
  const half = MAX_SHOWN / 2;
  return [...names.slice(0, half), `… ${names.length - MAX_SHOWN} more …`, ...names.slice(-half)].join(' → ');
}

/** Stages as a graph, and how much each adds to the length of a chain: 1 unless said otherwise. */
export interface WeighedGraph extends Pick<StageGraph, 'dependsOn' | 'dependants'> {
  readonly weights?: ArrayLike<number>;
}

/** How long the longest chain is that ends at each stage; `waiting` holds those in a cycle or behind one. */
export function levelsOf({ dependsOn, dependants, weights }: WeighedGraph) {
  const levels = new Float64Array(dependsOn.length);
  const open = Int32Array.from(dependsOn, (list) => list.length);
  const ready: number[] = [];
  dependsOn.forEach((list, index) => {
    if (list.length > 0) return;
    levels[index] = weights?.[index] ?? 1;
    ready.push(index);
  });
  for (let next = 0; next < ready.length; next += 1) {
    const stage = ready[next]!;
    for (const dependant of dependants[stage]!) {
      levels[dependant] = Math.max(levels[dependant]!, levels[stage]! + (weights?.[dependant] ?? 1));
      open[dependant]! -= 1;
      if (open[dependant] === 0) ready.push(dependant);
    }
  }
  const waiting = new Set<number>();
  if (ready.length < dependsOn.length) {
    open.forEach((count, index) => {
      if (count > 0) waiting.add(index);
    });
  }
  return { levels, waiting: waiting as ReadonlySet<number> };
}

/** The stages of one longest chain, first to last. */
export function chainOf(levels: ArrayLike<number>, { dependsOn, weights }: Omit<WeighedGraph, 'dependants'>): number[] {
  let last = 0;
  for (let index = 1; index < levels.length; index += 1) if (levels[index]! > levels[last]!) last = index;
  const chain = levels.length === 0 ? [] : [last];
  for (;;) {
    const level = (levels[last] ?? 0) - (weights?.[last] ?? 1);
    if (level <= 0) return chain.reverse();
    last = dependsOn[last]!.find((before) => levels[before] === level)!;
    chain.push(last);
  }
}

function checkedDependencies(given: readonly number[], index: number, faults: Faults): readonly number[] {
  if (given.length === 0) return NONE;
  const unique = new Set(given);
  if (unique.delete(index))
    faults.add({ path: `stages[${index}].dependsOn`, message: 'a stage cannot wait for itself or read its own output' });
  return [...unique].sort((a, b) => a - b);
}

const NONE: readonly number[] = Object.freeze([]);

function reversed(dependsOn: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const dependants: number[][] = dependsOn.map(() => NONE as number[]);
  dependsOn.forEach((list, index) => {
    for (const before of list) {
      if (dependants[before]!.length === 0) dependants[before] = [index];
      else dependants[before]!.push(index);
    }
  });
  return dependants;
}

/**
 * Each stage that waits has a dependency that waits too, so following the first such leads into a cycle. Each cycle is found once,
 * given in the order of execution from its first stage on; cycles that share stages with one found show up once that is mended.
 */
function cyclesAmong(waiting: ReadonlySet<number>, dependsOn: readonly (readonly number[])[]): number[][] {
  const cycles: number[][] = [];
  const seenBy = new Map<number, number>();
  for (const start of waiting) {
    const path: number[] = [];
    let at = start;
    for (; !seenBy.has(at); at = dependsOn[at]!.find((before) => waiting.has(before))!) {
      seenBy.set(at, start);
      path.push(at);
    }
    if (seenBy.get(at) !== start) continue;
    const cycle = path.slice(path.indexOf(at)).reverse();
    const first = cycle.reduce((least, index, position) => (index < cycle[least]! ? position : least), 0);
    cycles.push([...cycle.slice(first), ...cycle.slice(0, first)]);
  }
  return cycles;
}
