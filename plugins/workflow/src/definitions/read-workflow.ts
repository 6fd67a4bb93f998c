import type {
  CompensationDefinition,
  InputFunction,
  InputSchema,
  StageDefinition,
  StageFunction,
  WorkflowDefinition,
} from '@bellows/sdk/workflow';
import { checkInputWith } from './check-input.js';
import { headSchema, NAME_PATTERN } from './definition-schema.js';
import { addIssues } from './describe-issues.js';
import type { Compensation, InputSource, StageValues } from './pipeline.js';
import { indexNames } from './read-document.js';
import type { PipelineDraft, StageDraft } from './stage-draft.js';
import { NO_INPUT, type ReadOptions, StageReader } from './stage-reader.js';

/**
 * Reads what `defineWorkflow` returned, by the rules of the YAML form: what is data is checked by the same schema, and functions stand
 * where that has names and templates. Faults are collected; null when there is too little to look further.
 */
export function readWorkflow(definition: WorkflowDefinition, { faults, maxStages, operations }: ReadOptions): PipelineDraft | null {
  const { name, version, maxDepth, stages, output } = definition;
  const head = headSchema.safeParse({ name, version, maxDepth, stages });
  if (!head.success) addIssues(head.error, { path: '', schema: headSchema }, faults);
  if (!Array.isArray(stages)) return null;
  if (stages.length > maxStages) {
    faults.add({ path: 'stages', message: `${stages.length} stages are more than maxStages allows, which is ${maxStages}` });
    return null;
  }
  const names = stages.map((stage) => String(stage.name));
  faults.nameStages(names.map((one) => (NAME_PATTERN.test(one) ? one : null)));
  for (const { path, key, known } of definition.unknownOptions ?? []) {
    faults.addUnknownKey(path === '' ? key : `${path}.${key}`, key, known);
  }
  const byName = indexNames(names, faults);
  const reader = new StageReader({ faults, maxStages, functions: INLINE, ...(operations === undefined ? {} : { operations }) }, byName);
  const drafts = stages.map((stage, index) => {
    for (const path of notFunctions(stage)) faults.add({ path: `stages[${index}].${path}`, message: 'is no function' });
    const document = documentOf(stage);
    const draft = reader.read(document, index);
    return draft === null ? null : withFunctions(draft, stage, byName);
  });
  return {
    name,
    version,
    maxDepth,
    names,
    stages: drafts,
    output: output === null ? null : sourceOf(output.of, inputsReader(output.after, byName)),
    outputIdentity: output === null ? null : { of: INLINE_NAME, after: output.after },
    checkInput: definition.input === null ? null : checkInputWith(definition.input as InputSchema, name),
    json: null,
    sources: sourcesOf(definition),
  };
}

function sourcesOf({ stages, output }: WorkflowDefinition): string[] {
  const functions = stages.flatMap(({ run, input, compensate }) => [run, input, compensate?.run, compensate?.input]);
  return [...functions, output?.of].map((one) => (typeof one === 'function' ? Function.prototype.toString.call(one) : ''));
}

/** Stands for a function of the file, which has no name of its own. */
const INLINE_NAME = 'inline';
const INLINE: ReadonlyMap<string, StageFunction> = new Map([[INLINE_NAME, () => null]]);

/** The stage as the YAML form has it; what is left out there is undefined here. */
function documentOf(stage: StageDefinition): Record<string, unknown> {
  const { name, kind, operation, run, workflow, timer, signal, after, retry, timeoutMs, compensate } = stage;
  return {
    name,
    operation: operation ?? undefined,
    run: run === null ? undefined : INLINE_NAME,
    workflow: workflow === null ? undefined : { name: workflow.name, version: workflow.version ?? undefined },
    timer: kind === 'timer' ? (timer ?? 0) : undefined,
    signal: signal ?? undefined,
    dependsOn: Object.values(after).flat(),
    retry: retry ?? undefined,
    timeoutMs: timeoutMs ?? undefined,
    compensate: compensate === null ? undefined : compensationDocumentOf(compensate),
  };
}

function compensationDocumentOf({ operation, run, retry, timeoutMs }: CompensationDefinition): Record<string, unknown> {
  return {
    operation: operation ?? undefined,
    run: run === null ? undefined : INLINE_NAME,
    retry: retry ?? undefined,
    timeoutMs: timeoutMs ?? undefined,
  };
}

/** The definition may come from JavaScript, where nothing was checked. */
function notFunctions({ run, input, compensate }: StageDefinition): string[] {
  const found = { run, input, 'compensate.run': compensate?.run ?? null, 'compensate.input': compensate?.input ?? null };
  return Object.entries(found).flatMap(([path, value]) => (value === null || typeof value === 'function' ? [] : [path]));
}

function withFunctions(draft: StageDraft, stage: StageDefinition, byName: ReadonlyMap<string, number>): StageDraft {
  const { run, input, compensate } = stage;
  const inputs = inputsReader(stage.after, byName);
  const fallback = run === null ? draft.input : sourceOf(undefined, inputs);
  return {
    ...draft,
    run,
    input: input === null ? fallback : sourceOf(input, inputs),
    compensation:
      draft.compensation === null ? null : compensationOf(draft.compensation, compensate!, withOutput(inputs, byName.get(stage.name)!)),
    identity: {
      ...(draft.identity as object),
      after: stage.after,
      hasInput: input !== null,
      undoHasInput: (compensate?.input ?? null) !== null,
    },
  };
}

function compensationOf(compensation: Compensation, { run, input }: CompensationDefinition, inputs: InputsReader): Compensation {
  const action = run === null ? compensation.action : { run };
  const fallback = run === null ? NO_INPUT : sourceOf(undefined, inputs);
  return { ...compensation, action, input: input === null ? fallback : sourceOf(input, inputs) };
}

type InputsReader = (values: StageValues) => Record<string, unknown>;

function sourceOf(of: InputFunction | undefined, inputs: InputsReader): InputSource {
  return { kind: 'function', of: of === undefined ? inputs : (values) => of(inputs(values)) };
}

/** Gathers what the functions of a stage are called with: `{ input, … }`. */
function inputsReader(after: StageDefinition['after'], byName: ReadonlyMap<string, number>): InputsReader {
  const indexOf = (name: string) => byName.get(name) ?? -1;
  const wanted = Object.entries(after).map(
    ([key, names]) => [key, typeof names === 'string' ? indexOf(names) : names.map(indexOf)] as const,
  );
  return (values) => {
    const fields = wanted.map(([key, at]) => [key, typeof at === 'number' ? values.output(at) : at.map((index) => values.output(index))]);
    // not by assignment: a key may be `__proto__`
    return Object.fromEntries([['input', values.input], ...fields]);
  };
}

function withOutput(inputs: InputsReader, own: number): InputsReader {
  return (values) => ({ ...inputs(values), output: values.output(own) });
}
