import type { Pipeline } from '../definitions/pipeline.js';

/**
 * In which order completed stages are compensated: reverse topological. A stage comes in a later wave than every stage that depends
 * on it, directly or not; those of one wave do not depend on each other. Only completed stages with a compensation act, and a stage
 * without one costs no wave. Ascending within a wave. Pure.
 */
export function rollbackWaves(pipeline: Pipeline, isCompleted: (stage: number) => boolean): number[][] {
  const { stages } = pipeline;
  const acts = (index: number) => stages[index]!.compensation !== null && isCompleted(index);
  const waveOf = new Uint32Array(stages.length);
  const open = Uint32Array.from(stages, (stage) => stage.dependants.length);
  const next: number[] = [];
  for (const { index, dependants } of stages) if (dependants.length === 0) next.push(index);
  const waves: number[][] = [];
  while (next.length > 0) {
    const index = next.pop()!;
    const wave = waveOf[index]!;
    const isActing = acts(index);
    if (isActing) (waves[wave] ??= []).push(index);
    for (const dependency of stages[index]!.dependsOn) {
      waveOf[dependency] = Math.max(waveOf[dependency]!, isActing ? wave + 1 : wave);
      open[dependency]! -= 1;
      if (open[dependency] === 0) next.push(dependency);
    }
  }
  for (const wave of waves) wave.sort((a, b) => a - b);
  return waves;
}
