import { type DefinitionHead, headSchema, NAME_PATTERN } from './definition-schema.js';
import { addIssues } from './describe-issues.js';
import type { Faults } from './faults.js';
import type { PipelineDraft } from './stage-draft.js';
import { type ReadOptions, StageReader } from './stage-reader.js';
import { parseTemplate } from './template.js';

/** Reads a definition in the YAML or JSON form. Faults are collected; null when there is too little to look further. */
export function readDocument(definition: unknown, options: ReadOptions): PipelineDraft | null {
  const { faults, maxStages } = options;
  const parsed = headSchema.safeParse(definition);
  if (!parsed.success) addIssues(parsed.error, { path: '', schema: headSchema }, faults);
  const stages: unknown = parsed.success ? parsed.data.stages : (definition as Partial<DefinitionHead> | null)?.stages;
  if (!Array.isArray(stages)) return null;
  if (stages.length > maxStages) {
    faults.add({ path: 'stages', message: `${stages.length} stages are more than maxStages allows, which is ${maxStages}` });
    return null;
  }
  const given = stages.map((stage) => nameOf(stage) ?? null);
  faults.nameStages(given);
  const names = given.map((name, index) => name ?? `stages[${index}]`);
  const reader = new StageReader(options, indexNames(names, faults));
  const drafts = stages.map((stage, index) => reader.read(stage, index));
  const { output } = definition as { readonly output?: unknown };
  // where the head is faulty, what follows from the stages is still worth telling
  const { name, version, maxDepth } = parsed.success ? parsed.data : { name: '', version: 1, maxDepth: null };
  return {
    name,
    version,
    maxDepth,
    names,
    stages: drafts,
    output: output === undefined ? null : { kind: 'template', template: parseTemplate(output, 'output', reader.scope) },
    outputIdentity: output ?? null,
    checkInput: null,
    json: faults.count === 0 ? JSON.stringify(definition) : null,
    sources: [],
  };
}

/** By name; of doubled ones the first. */
export function indexNames(names: readonly string[], faults: Faults): ReadonlyMap<string, number> {
  const byName = new Map<string, number>();
  names.forEach((name, index) => {
    const first = byName.get(name);
    if (first === undefined) byName.set(name, index);
    else faults.add({ path: `stages[${index}].name`, message: `"${name}" is the name of stages[${first}] already` });
  });
  return byName;
}

function nameOf(stage: unknown): string | undefined {
  if (typeof stage !== 'object' || stage === null || !Object.hasOwn(stage, 'name')) return undefined;
  const { name } = stage as { readonly name: unknown };
  return typeof name === 'string' && NAME_PATTERN.test(name) ? name : undefined;
}
