import type { z } from '@bellows/sdk';
import type { StageFunction } from '@bellows/sdk/workflow';
import {
  type CompensationDocument,
  DEFAULT_COMPENSATION_RETRY,
  DEFAULT_RETRY,
  OPERATION_PATTERN,
  PLANNED_KINDS,
  type StageDocument,
  stageSchema,
  TIMER_FORM,
} from './definition-schema.js';
import { addIssues } from './describe-issues.js';
import type { Faults } from './faults.js';
import type { Compensation, InputSource, StageKind } from './pipeline.js';
import { shortened } from './shortened.js';
import type { StageDraft } from './stage-draft.js';
import { parseTemplate, type TemplateScope, templateReads } from './template.js';

export interface ReadOptions {
  readonly faults: Faults;
  readonly maxStages: number;
  /** Those of `defineFunction`, by name. */
  readonly functions: ReadonlyMap<string, StageFunction>;
  /** Left out: which there are is not known yet. */
  readonly operations?: KnownOperations;
}

export interface KnownOperations {
  has(name: string): boolean;
  /** Asked for when one is missing. */
  names(): readonly string[];
}

/** Reads the stages of one definition, each on its own, once the names of all are known. Faults are collected. */
export class StageReader {
  readonly scope: TemplateScope;
  readonly #options: ReadOptions;
  /** Operations that are not there; each is told once, at the first stage that calls it. */
  readonly #missing = new Set<string>();

  constructor(options: ReadOptions, stageNames: ReadonlyMap<string, number>) {
    this.#options = options;
    this.scope = { stageNames, faults: options.faults, total: { values: 0, chars: 0 } };
  }

  read(json: unknown, index: number): StageDraft | null {
    const path = `stages[${index}]`;
    const { faults } = this.#options;
    if (this.#isOversized(json, path)) return null;
    const parsed = stageSchema.safeParse(json);
    if (!parsed.success) {
      addIssues(parsed.error, { path, schema: stageSchema }, faults);
      this.#checkRest(json, parsed.error.issues, path);
      return null;
    }
    const stage = parsed.data;
    this.#checkOperation(stage.operation, `${path}.operation`);
    const kind = this.#kindOf(stage, path);
    const dependsOn = this.#dependencies(stage.dependsOn ?? [], `${path}.dependsOn`);
    if (kind === null) return null;
    this.#checkFields(stage, kind, path);
    const input = kind === 'timer' ? this.#timer(stage.timer, `${path}.timer`) : this.#input(stage.input, `${path}.input`);
    const compensation = stage.compensate === undefined ? null : this.#compensation(stage.compensate, `${path}.compensate`);
    const undone = readsOf(compensation?.input).filter((read) => read !== index);
    return {
      name: stage.name,
      kind,
      operation: stage.operation ?? null,
      run: stage.run === undefined ? null : this.#functionOf(stage.run, `${path}.run`),
      workflow: workflowOf(stage.workflow),
      signal: stage.signal ?? null,
      input,
      retry: stage.retry ?? DEFAULT_RETRY,
      timeoutMs: stage.timeoutMs ?? null,
      compensation,
      dependsOn: [...dependsOn, ...readsOf(input), ...undone],
      // as written, not as filled in: a default that changes with a release is no change of the definition
      identity: { ...(json as object), dependsOn: undefined },
    };
  }

  /** The schema makes a finding of each wrong item and key before anything is counted: a million of them would take a gigabyte. */
  #isOversized(json: unknown, path: string): boolean {
    if (typeof json !== 'object' || json === null) return false;
    const { faults, maxStages } = this.#options;
    const { dependsOn } = json as { readonly dependsOn?: unknown };
    const dependencies = Array.isArray(dependsOn) ? dependsOn.length : 0;
    if (dependencies > maxStages) faults.add({ path: `${path}.dependsOn`, message: `${dependencies} are more than there may be stages` });
    const hasManyKeys = hasMoreKeys(json, MAX_KEYS);
    if (hasManyKeys) faults.add({ path, message: `a stage has no more than ${MAX_KEYS} keys` });
    return dependencies > maxStages || hasManyKeys;
  }

  /** What can still be checked of a stage that is faulty otherwise: all but what the schema refuses. */
  #checkRest(json: unknown, issues: readonly z.core.$ZodIssue[], path: string): void {
    if (typeof json !== 'object' || json === null) return;
    const refused = new Set(issues.flatMap((issue) => (issue.path.length === 0 && 'keys' in issue ? issue.keys : [issue.path[0]])));
    const rest = Object.entries(json).filter(([key]) => !refused.has(key));
    const { data: stage } = stageSchema.safeParse({ ...Object.fromEntries(rest), name: 'x' });
    if (stage === undefined) return;
    this.#checkOperation(stage.operation, `${path}.operation`);
    this.#dependencies(stage.dependsOn ?? [], `${path}.dependsOn`);
    // that there is none may come of what was refused
    const kind = KINDS.some((one) => stage[one] !== undefined) ? this.#kindOf(stage, path) : null;
    if (kind !== null) this.#checkFields(stage, kind, path);
    if (stage.run !== undefined) this.#functionOf(stage.run, `${path}.run`);
    if (stage.timer !== undefined) this.#timer(stage.timer, `${path}.timer`);
    else this.#input(stage.input, `${path}.input`);
    if (stage.compensate !== undefined) this.#compensation(stage.compensate, `${path}.compensate`);
  }

  #checkOperation(name: unknown, path: string): void {
    const { operations, faults } = this.#options;
    // a name of another form is told by the schema
    if (operations === undefined || typeof name !== 'string' || !OPERATION_PATTERN.test(name)) return;
    if (this.#missing.has(name) || operations.has(name)) return;
    this.#missing.add(name);
    faults.addUnknown({ path, message: `there is no operation "${shortened(name)}"` }, name, operations.names());
  }

  #kindOf(stage: StageDocument, path: string): StageKind | null {
    const { faults } = this.#options;
    const planned = [...PLANNED_KINDS].filter((kind) => stage[kind as keyof StageDocument] !== undefined);
    for (const kind of planned) {
      faults.add({ code: 'FEATURE_UNSUPPORTED', path: `${path}.${kind}`, message: `stages of the kind "${kind}" cannot run yet` });
    }
    const kinds = KINDS.filter((kind) => stage[kind] !== undefined);
    if (kinds.length + planned.length === 1) return kinds[0] ?? null;
    const found = kinds.length + planned.length === 0 ? 'none of them is there' : `there are ${[...kinds, ...planned].join(' and ')}`;
    faults.add({ path, message: `a stage has exactly one of ${KINDS.join(', ')}; ${found}` });
    return null;
  }

  /** What has no meaning for a kind is refused, because whoever wrote it expects something of it. */
  #checkFields(stage: StageDocument, kind: StageKind, path: string): void {
    const { faults } = this.#options;
    const refuse = (field: keyof StageDocument, why: string) => {
      if (stage[field] !== undefined) faults.add({ path: `${path}.${field}`, message: why });
    };
    if (kind === 'timer' || kind === 'signal') {
      refuse('input', `a ${kind} takes no input`);
      refuse('retry', `a ${kind} is not tried again: nothing of it can fail for a moment`);
    }
    if (kind === 'workflow') {
      refuse('retry', 'a run of another workflow is not started again: give retry to its stages');
      refuse('timeoutMs', 'a run of another workflow has no time-out here: give timeoutMs to its stages');
    }
    if (kind === 'timer') refuse('timeoutMs', 'a timer takes as long as it says');
    if (!stage.thread) return;
    const message = kind === 'run' ? 'functions cannot run in threads yet' : 'only stages of the kind "run" can have a thread';
    faults.add({ code: 'FEATURE_UNSUPPORTED', path: `${path}.thread`, message });
  }

  #dependencies(names: readonly string[], path: string): number[] {
    const { stageNames, faults } = this.scope;
    return names.flatMap((name, index) => {
      const found = stageNames.get(name);
      if (found !== undefined) return [found];
      const fault = { path: `${path}[${index}]`, message: `there is no stage "${shortened(name)}"` };
      faults.addUnknown(fault, name, stageNames.keys());
      return [];
    });
  }

  #input(json: unknown, path: string): InputSource {
    return json === undefined ? NO_INPUT : { kind: 'template', template: parseTemplate(json, path, this.scope) };
  }

  #timer(timer: StageDocument['timer'], path: string): InputSource {
    const time = typeof timer === 'object' ? timer.until : timer;
    if (typeof time === 'string' && parseTemplate(time, path, this.scope).kind !== 'value') {
      this.#options.faults.add({ path, message: TIMER_FORM });
    }
    return this.#input(timer, path);
  }

  #compensation(document: CompensationDocument, path: string): Compensation | null {
    const { operation, run, input, retry, timeoutMs } = document;
    this.#checkOperation(operation, `${path}.operation`);
    if ((operation === undefined) === (run === undefined)) {
      this.#options.faults.add({ path, message: 'a compensation has exactly one of operation and run' });
      return null;
    }
    return {
      action: operation === undefined ? { run: this.#functionOf(run!, `${path}.run`) } : { operation },
      input: this.#input(input, `${path}.input`),
      retry: retry ?? DEFAULT_COMPENSATION_RETRY,
      timeoutMs,
    };
  }

  #functionOf(name: string, path: string): StageFunction {
    const { functions, faults } = this.#options;
    const found = functions.get(name);
    if (found !== undefined) return found;
    const message = `there is no function "${name}": register it with defineFunction in a file of \`definitions\``;
    faults.addUnknown({ code: 'FUNCTION_UNKNOWN', path, message }, name, functions.keys());
    return () => null;
  }
}

const KINDS = ['operation', 'run', 'workflow', 'timer', 'signal'] as const;

/** Operations and functions take an object; one that is given nothing gets one without fields. */
export const NO_INPUT: InputSource = Object.freeze({
  kind: 'template',
  template: Object.freeze({ kind: 'object', fields: Object.freeze([]) }),
});

/** All that are known are fewer than twenty; the rest are slips, to be told one by one. */
const MAX_KEYS = 100;

function hasMoreKeys(object: object, most: number): boolean {
  let count = 0;
  for (const key in object) {
    if (Object.hasOwn(object, key)) count += 1;
    if (count > most) return true;
  }
  return false;
}

function readsOf(source: InputSource | undefined): readonly number[] {
  return source?.kind === 'template' ? templateReads(source.template) : [];
}

function workflowOf(workflow: StageDocument['workflow']): StageDraft['workflow'] {
  if (workflow === undefined) return null;
  if (typeof workflow === 'string') return { name: workflow, version: null };
  return { name: workflow.name, version: workflow.version ?? null };
}
