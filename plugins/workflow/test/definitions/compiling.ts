import type { BellowsError } from '@bellows/sdk';
import { type CompileOptions, compilePipeline } from '../../src/definitions/compile-pipeline.js';
import type { Pipeline } from '../../src/definitions/pipeline.js';

export function compile(definition: unknown, options: Partial<CompileOptions> = {}): Pipeline {
  return compilePipeline(definition, { maxDepth: 50, maxStages: 100_000, functions: new Map(), ...options });
}

/** What `work` throws; fails when it throws nothing. */
export function thrownBy(work: () => unknown): BellowsError {
  try {
    work();
  } catch (error) {
    return error as BellowsError;
  }
  throw new Error('it should have thrown');
}

export function faultsOf(definition: unknown, options: Partial<CompileOptions> = {}): BellowsError {
  return thrownBy(() => compile(definition, options));
}

/** Stages that call an operation and depend on others as said: `{ a: [], b: ['a'] }`. */
export function stagesOf(dependsOn: Readonly<Record<string, readonly string[]>>): Record<string, unknown>[] {
  return Object.entries(dependsOn).map(([name, before]) => ({ name, operation: 'test.echo', dependsOn: [...before] }));
}

export function chainOf(length: number): Record<string, unknown>[] {
  return Array.from({ length }, (_, index) => ({
    name: `s${index}`,
    operation: 'test.echo',
    dependsOn: index === 0 ? [] : [`s${index - 1}`],
  }));
}
