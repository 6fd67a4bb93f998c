import { canonicalJson } from './canonical-json.js';
import { shortened } from './shortened.js';

/** Names of stages that a message lists. */
const MAX_NAMED = 10;

/**
 * What differs between two definitions in the YAML or JSON form, given as JSON, in words: `stages added: a; stages changed: b, c`.
 * Both must have been found good. Empty when nothing is that decides how runs go on.
 */
export function definitionChanges(before: string, after: string): string {
  const [old, now] = [read(before), read(after)];
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

function read(json: string): { readonly stages: ReadonlyMap<string, string>; readonly output: string } {
  const { stages, output = null } = JSON.parse(json) as {
    readonly stages: readonly { readonly name: string }[];
    readonly output?: unknown;
  };
  return { stages: new Map(stages.map((stage) => [stage.name, canonicalJson(stage)])), output: canonicalJson(output) };
}

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length - MAX_NAMED;
  return `${what}: ${names.slice(0, MAX_NAMED).map(shortened).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
