import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import { shortened } from './shortened.js';
import type { PipelineDraft } from './stage-draft.js';

/** 48 bits: by chance, one change in 280 million millions would not be seen; the hash of the whole is what refuses it. */
const DIGEST_LENGTH = 12;
/** Names of stages that a message lists. */
const MAX_NAMED = 10;

/** What is kept of a definition: JSON as it was given, or an outline where it holds functions. */
export interface KeptDefinition {
  readonly json: string | null;
  readonly outline?: string | null;
}

/**
 * What differs between two definitions, in words: `stages added: a; stages changed: b, c`. Both must have been found good. Empty when
 * nothing does that decides how runs go on. Of two in different forms only what was added and removed can be told.
 */
export function definitionChanges(before: KeptDefinition, after: KeptDefinition): string {
  const [old, now] = [read(before), read(after)];
  if (old === null || now === null) return '';
  if (old.form !== now.form) return listedChanges({ ...old, stages: namesOf(old) }, { ...now, stages: namesOf(now), output: old.output });
  return listedChanges(old, now);
}

/** JSON with a digest of each stage and of the output: enough to tell which of them another definition changes. */
export function outlineOf({ stages, outputIdentity }: Pick<PipelineDraft, 'stages' | 'outputIdentity'>): string {
  const digests = stages.map((stage) => [stage!.name, digest(stage!.identity)]);
  return JSON.stringify({ stages: digests, output: digest(outputIdentity) });
}

function listedChanges(old: Outline, now: Outline): string {
  const added = [...now.stages.keys()].filter((name) => !old.stages.has(name));
  const removed = [...old.stages.keys()].filter((name) => !now.stages.has(name));
  const changed = [...now.stages].flatMap(([name, stage]) => ((old.stages.get(name) ?? stage) === stage ? [] : [name]));
  const parts = [listed('stages added', added), listed('stages removed', removed), listed('stages changed', changed)];
  if (added.length + removed.length === 0 && [...old.stages.keys()].join() !== [...now.stages.keys()].join()) {
    parts.push('the order of the stages changed');
  }
  if (old.output !== now.output) parts.push('the output changed');
  return parts.filter((part) => part !== '').join('; ');
}

interface Outline {
  readonly form: 'json' | 'outline';
  /** What decides how runs go on, by the name of the stage. */
  readonly stages: ReadonlyMap<string, string>;
  readonly output: string;
}

function namesOf({ stages }: Outline): ReadonlyMap<string, string> {
  return new Map([...stages.keys()].map((name) => [name, '']));
}

function digest(identity: unknown): string {
  return hash('sha256', canonicalJson(identity)).slice(0, DIGEST_LENGTH);
}

function read({ json, outline = null }: KeptDefinition): Outline | null {
  if (json !== null) return readJson(json);
  if (outline === null) return null;
  const { stages, output } = JSON.parse(outline) as { readonly stages: readonly [string, string][]; readonly output: string };
  return { form: 'outline', stages: new Map(stages), output };
}

function readJson(json: string): Outline {
  const { stages, output = null } = JSON.parse(json) as {
    readonly stages: readonly { readonly name: string }[];
    readonly output?: unknown;
  };
  return { form: 'json', stages: new Map(stages.map((stage) => [stage.name, canonicalJson(stage)])), output: canonicalJson(output) };
}

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length - MAX_NAMED;
  return `${what}: ${names.slice(0, MAX_NAMED).map(shortened).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
