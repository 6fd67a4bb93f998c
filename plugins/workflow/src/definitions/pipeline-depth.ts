import { workflowError } from '../errors.js';
import { chainOf, levelsOf, shownChain } from './link-stages.js';
import type { Pipeline } from './pipeline.js';

/** Stages of a chain that a message shows. */
const MAX_SHOWN = 12;

/** Finds a child workflow; null is its newest version. Throws when there is none, which passes on to the caller. */
export type LookUpPipeline = (name: string, version: number | null) => Pipeline;

export interface DepthCheck {
  /** The longest chain allowed; a lower `maxDepth` of the pipeline itself counts instead. */
  readonly maxDepth: number;
  readonly lookUp: LookUpPipeline;
}

/** The names of the stages on one longest chain, first to last, without those of child workflows. */
export function longestChain({ stages }: Pipeline): readonly string[] {
  const graph = graphOf(stages);
  return chainOf(levelsOf(graph).levels, graph).map((index) => stages[index]!.name);
}

/**
 * The longest chain of stages, where one that starts a child workflow counts as 1 and the depth of the child. `DEFINITION_INVALID` when
 * workflows start each other in a circle: it would never end. Costs nothing for a pipeline without children.
 */
export function pipelineDepth(pipeline: Pipeline, lookUp: LookUpPipeline): number {
  return childrenOf(pipeline).length === 0 ? pipeline.depth : measured(pipeline, lookUp).get(pipeline)!.depth;
}

/** Refuses with `PIPELINE_TOO_DEEP`, whose message shows the longest chain, those of child workflows included. Answers the depth. */
export function checkPipelineDepth(pipeline: Pipeline, { maxDepth, lookUp }: DepthCheck): number {
  const most = Math.min(maxDepth, pipeline.maxDepth ?? maxDepth);
  const depth = pipelineDepth(pipeline, lookUp);
  if (depth <= most) return depth;
  const chain = shownLongest(pipeline, measured(pipeline, lookUp));
  throw workflowError(
    'PIPELINE_TOO_DEEP',
    `The longest chain of "${pipeline.name}" has ${depth} stages and ${most} are allowed: ${chain}. Split it, or raise maxPipelineDepth`,
    { phase: 'validate' },
  );
}

/**
 * Answers the same object for the same pipeline, however often it is asked for. Without it, pipelines that a small cache makes anew each
 * time look like ever new ones: a walk through children would not notice that it goes in a circle. `top` is known already. For one walk only.
 */
export function rememberedLookUp(top: Pipeline, lookUp: LookUpPipeline): LookUpPipeline {
  const versionKey = ({ name, version }: Pipeline) => `${version} ${name}`;
  const byVersion = new Map([[versionKey(top), top]]);
  const asked = new Map<string, Pipeline>();
  return (name, version) => {
    const key = `${version ?? 'newest'} ${name}`;
    const known = (version === null ? undefined : byVersion.get(key)) ?? asked.get(key);
    if (known !== undefined) return known;
    const found = lookUp(name, version);
    const pipeline = byVersion.get(versionKey(found)) ?? found;
    byVersion.set(versionKey(pipeline), pipeline);
    asked.set(key, pipeline);
    return pipeline;
  };
}

interface Measured {
  readonly depth: number;
  readonly levels: Float64Array;
  readonly weights: Float64Array;
  readonly children: ReadonlyMap<number, Pipeline>;
}

/** On the way down: a pipeline whose children are being measured. */
interface Visit {
  readonly pipeline: Pipeline;
  readonly children: Map<number, Pipeline>;
  /** Position within `childrenOf(pipeline)` of the child under way. */
  next: number;
}

/** The pipeline and everything it starts, children first; a loop, because chains of workflows may be longer than the stack. */
function measured(top: Pipeline, given: LookUpPipeline): Map<Pipeline, Measured> {
  const lookUp = rememberedLookUp(top, given);
  const done = new Map<Pipeline, Measured>();
  const open = new Set([top]);
  const way: Visit[] = [{ pipeline: top, children: new Map(), next: 0 }];
  for (let visit = way.at(-1); visit !== undefined; visit = way.at(-1)) {
    const { pipeline, children } = visit;
    const stage = childrenOf(pipeline)[visit.next];
    if (stage === undefined) {
      done.set(pipeline, measure(pipeline, children, done));
      open.delete(pipeline);
      way.pop();
      continue;
    }
    const { name, version } = pipeline.stages[stage]!.workflow!;
    const child = lookUp(name, version);
    if (open.has(child)) throw circle(way, child);
    if (!done.has(child)) {
      open.add(child);
      way.push({ pipeline: child, children: new Map(), next: 0 });
      continue;
    }
    children.set(stage, child);
    visit.next += 1;
  }
  return done;
}

function measure(pipeline: Pipeline, children: ReadonlyMap<number, Pipeline>, done: ReadonlyMap<Pipeline, Measured>): Measured {
  const weights = new Float64Array(pipeline.stages.length).fill(1);
  for (const [stage, child] of children) weights[stage]! += done.get(child)!.depth;
  const { levels } = levelsOf({ ...graphOf(pipeline.stages), weights });
  let depth = 0;
  for (const level of levels) if (level > depth) depth = level;
  return { depth, levels, weights, children };
}

function circle(way: readonly Visit[], again: Pipeline) {
  const from = way.findIndex(({ pipeline }) => pipeline === again);
  const names = way.slice(from).map(({ pipeline, next }) => `${pipeline.name}/${pipeline.stages[childrenOf(pipeline)[next]!]!.name}`);
  const chain = shownChain([...names, again.name]);
  return workflowError('DEFINITION_INVALID', `Workflows start each other without an end: ${chain}. Take one of these stages out`, {
    phase: 'validate',
    details: [{ path: names[0]!, message: `starts each other without an end: ${chain}` }],
  });
}

/**
 * `a/bill → a/ship → post/pack`: after a stage that starts a child come those of the child. Only the first of them, because children
 * that are started twice on each level make chains far longer than memory.
 */
function shownLongest(top: Pipeline, done: ReadonlyMap<Pipeline, Measured>): string {
  const names: string[] = [];
  const way = [partOf(top, done)];
  for (let part = way.at(-1); part !== undefined && names.length < MAX_SHOWN; part = way.at(-1)) {
    const stage = part.chain[part.next];
    part.next += 1;
    if (stage === undefined) {
      way.pop();
      continue;
    }
    names.push(`${part.pipeline.name}/${part.pipeline.stages[stage]!.name}`);
    const child = done.get(part.pipeline)!.children.get(stage);
    if (child !== undefined) way.push(partOf(child, done));
  }
  const more = done.get(top)!.depth - names.length;
  return names.join(' → ') + (more > 0 ? ` → … ${more} more` : '');
}

function partOf(pipeline: Pipeline, done: ReadonlyMap<Pipeline, Measured>) {
  const { levels, weights } = done.get(pipeline)!;
  return { pipeline, chain: chainOf(levels, { ...graphOf(pipeline.stages), weights }), next: 0 };
}

function graphOf(stages: Pipeline['stages']) {
  return { dependsOn: stages.map(({ dependsOn }) => dependsOn), dependants: stages.map(({ dependants }) => dependants) };
}

/** Asked for at every start. */
const CHILDREN = new WeakMap<Pipeline, readonly number[]>();

/** Indexes of the stages that start a child workflow. */
function childrenOf(pipeline: Pipeline): readonly number[] {
  let children = CHILDREN.get(pipeline);
  if (children === undefined) {
    children = pipeline.stages.filter(({ workflow }) => workflow !== null).map(({ index }) => index);
    CHILDREN.set(pipeline, children);
  }
  return children;
}
