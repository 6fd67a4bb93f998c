import { workflowError } from '../errors.js';
import type { Faults } from './faults.js';
import type { InputSource, StageValues } from './pipeline.js';
import { shortened } from './shortened.js';

/** Deeper JSON is made by programs to overflow a stack, not to call an operation. */
const MAX_NESTING = 100;
/** Values and `${…}` of one template; the work of resolving it, apart from texts, is proportional to them. */
const MAX_VALUES = 100_000;
const MAX_READS = 1_000;
/** Values of all templates of one definition: 20 for each of 100,000 stages. Aliases of YAML would make far more of a short text. */
const MAX_VALUES_IN_ALL = 2_000_000;
/** Characters of all texts and keys of one definition: what the body of a call may have. Aliases of YAML would repeat a long text at no cost. */
const MAX_CHARS_IN_ALL = 64 * 1024 * 1024;
/** Characters that one resolved template may put together from `${…}` inside texts: what the body of a call may have. */
const MAX_TEXT = 64 * 1024 * 1024;

/** One `${…}`. */
interface Read {
  /** Index; -1 is the input of the run. */
  readonly stage: number;
  readonly path: readonly string[];
  /** As it was written, for messages. */
  readonly text: string;
}

/** JSON with `${…}` inside, parsed once: resolving it neither parses nor evaluates anything. */
export type Template =
  | { readonly kind: 'constant'; readonly value: string | number | boolean | null }
  | { readonly kind: 'value'; readonly read: Read }
  | { readonly kind: 'text'; readonly parts: readonly (string | Read)[] }
  | { readonly kind: 'list'; readonly items: readonly Template[] }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [key: string, value: Template])[] };

/** What the names in a template mean, and where its faults go. */
export interface TemplateScope {
  readonly stageNames: ReadonlyMap<string, number>;
  readonly faults: Faults;
  /** Counts the values of all templates together, and their characters; both start at 0. */
  readonly total: { values: number; chars: number };
}

/**
 * Takes JSON apart. `${input.a.b[0]}` and `${stages.x.output.y}` are read when the stage begins; keys that are no words are written
 * `["a b"]`. A string that is one `${…}` as a whole keeps the type of what it reads, inside of a text it is written out (objects as
 * JSON), and `$${` stands for `${`. Faults go to the scope, with their path; the answer is then of no use.
 */
export function parseTemplate(json: unknown, path: string, scope: TemplateScope): Template {
  return new TemplateParser(scope).parse(json, path, 0);
}

/** The stages a template reads, each once. */
export function templateReads(template: Template): readonly number[] {
  const stages = new Set<number>();
  collectReads(template, stages);
  return [...stages];
}

/**
 * What a stage is called with. Objects and arrays written in the template are new for every call; what `${…}` reads is not copied.
 * `TEMPLATE_UNRESOLVED` for a path that is not there: there are no optional ones, because a stage that silently gets less than it
 * was told to get is harder to find than one that fails. Only own properties are seen. Throws what a function of a definition throws.
 */
export function resolveInput(source: InputSource, values: StageValues): unknown {
  return source.kind === 'function' ? source.of(values) : new Resolver(values).resolve(source.template);
}

class TemplateParser {
  readonly #scope: TemplateScope;
  #values = 0;
  #reads = 0;

  constructor(scope: TemplateScope) {
    this.#scope = scope;
  }

  parse(json: unknown, path: string, depth: number): Template {
    this.#values += 1;
    const { total } = this.#scope;
    total.values += 1;
    if (total.values > MAX_VALUES_IN_ALL) {
      return total.values === MAX_VALUES_IN_ALL + 1 ? this.#fault(path, `more than ${MAX_VALUES_IN_ALL} values in all stages`) : NOTHING;
    }
    if (this.#values > MAX_VALUES) {
      // told once, then everything else is skipped
      return this.#values === MAX_VALUES + 1 ? this.#fault(path, `more than ${MAX_VALUES} values in one template`) : NOTHING;
    }
    if (typeof json === 'string') return this.#count(json, path) ? this.#parseText(json, path) : NOTHING;
    if (json === null || typeof json === 'boolean') return { kind: 'constant', value: json };
    if (typeof json === 'number') {
      return Number.isFinite(json) ? { kind: 'constant', value: json } : this.#fault(path, `${json} is no number that JSON can hold`);
    }
    if (typeof json !== 'object') return this.#fault(path, `a ${typeof json} is nothing that JSON can hold`);
    if (depth >= MAX_NESTING) return this.#fault(path, `nested deeper than ${MAX_NESTING} levels`);
    if (Array.isArray(json)) return { kind: 'list', items: json.map((item, index) => this.parse(item, `${path}[${index}]`, depth + 1)) };
    const entries = Object.entries(json);
    if (!entries.every(([key]) => this.#count(key, path))) return NOTHING;
    const fields = entries.map(([key, value]) => [key, this.parse(value, `${path}.${shortened(key)}`, depth + 1)] as const);
    return { kind: 'object', fields };
  }

  /** False when there is too much; told once. */
  #count({ length }: string, path: string): boolean {
    const { total } = this.#scope;
    const wasEnough = total.chars > MAX_CHARS_IN_ALL;
    total.chars += length;
    if (total.chars <= MAX_CHARS_IN_ALL) return true;
    if (!wasEnough) this.#fault(path, `more than ${MAX_CHARS_IN_ALL} characters in all stages`);
    return false;
  }

  #parseText(text: string, path: string): Template {
    const parts: (string | Read)[] = [];
    let from = 0;
    let literal = '';
    for (let at = text.indexOf('${'); at !== -1; at = text.indexOf('${', from)) {
      if (at > from && text[at - 1] === '$') {
        literal += `${text.slice(from, at - 1)}\${`;
        from = at + 2;
        continue;
      }
      const parsed = this.#parseRead(text, at, path);
      if (parsed === null) return NOTHING;
      literal += text.slice(from, at);
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push(parsed.read);
      from = parsed.end;
    }
    literal += text.slice(from);
    if (parts.length === 0) return { kind: 'constant', value: literal };
    const only = parts[0]!;
    if (parts.length === 1 && literal === '' && typeof only !== 'string') return { kind: 'value', read: only };
    if (literal !== '') parts.push(literal);
    return { kind: 'text', parts };
  }

  #parseRead(text: string, at: number, path: string): { read: Read; end: number } | null {
    this.#reads += 1;
    if (this.#reads > MAX_READS) {
      if (this.#reads === MAX_READS + 1) this.#fault(path, `more than ${MAX_READS} \${…} in one template`);
      return null;
    }
    const steps: string[] = [];
    const root = match(/(input|stages)/y, text, at + 2);
    let end = at + 2 + (root?.[0].length ?? 0);
    if (root !== null) {
      for (let step = match(STEP, text, end); step !== null; step = match(STEP, text, end)) {
        steps.push(step[1] ?? step[2] ?? unquoted(step[3]!));
        end += step[0].length;
      }
    }
    if (root === null || text[end] !== '}') {
      const shown = shortened(text.slice(at, text.indexOf('}', at) + 1 || undefined));
      this.#fault(path, `${shown} cannot be read: write \${input.a.b[0]} or \${stages.name.output.a}, and $\${ for a plain \${`);
      return null;
    }
    const written = shortened(text.slice(at + 2, end));
    if (root[0] === 'input') return { read: { stage: -1, path: steps, text: written }, end: end + 1 };
    return this.#parseStageRead({ steps, written, end: end + 1, path });
  }

  #parseStageRead({ steps, written, end, path }: { steps: string[]; written: string; end: number; path: string }) {
    const { stageNames, faults } = this.#scope;
    const [name, member, ...rest] = steps;
    if (name === undefined || member !== 'output') {
      this.#fault(path, `\${${written}} cannot be read: of a stage there is only its output, \${stages.name.output}`);
      return null;
    }
    const stage = stageNames.get(name);
    if (stage === undefined) {
      faults.addUnknown({ path, message: `\${${written}} reads a stage that is not there` }, name, stageNames.keys());
      return null;
    }
    return { read: { stage, path: rest, text: written }, end };
  }

  #fault(path: string, message: string): Template {
    this.#scope.faults.add({ path: shortened(path), message });
    return NOTHING;
  }
}

const NOTHING: Template = Object.freeze({ kind: 'constant', value: null });

/** `.key`, `[0]` or `["any key"]`. Keys are bounded because the search keeps its way through one on a stack. */
const STEP = /\.([\w-]{1,1000})|\[(\d{1,9})\]|\[("(?:[^"\\\n]|\\.){0,1000}")\]/y;

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function unquoted(json: string): string {
  try {
    return JSON.parse(json) as string;
  } catch {
    return json;
  }
}

function collectReads(template: Template, stages: Set<number>): void {
  if (template.kind === 'value') addStage(template.read, stages);
  if (template.kind === 'text') for (const part of template.parts) if (typeof part !== 'string') addStage(part, stages);
  if (template.kind === 'list') for (const item of template.items) collectReads(item, stages);
  if (template.kind === 'object') for (const [, value] of template.fields) collectReads(value, stages);
}

function addStage(read: Read, stages: Set<number>): void {
  if (read.stage >= 0) stages.add(read.stage);
}

class Resolver {
  readonly #values: StageValues;
  #textLeft = MAX_TEXT;

  constructor(values: StageValues) {
    this.#values = values;
  }

  resolve(template: Template): unknown {
    switch (template.kind) {
      case 'constant':
        return template.value;
      case 'value':
        return this.#read(template.read);
      case 'text':
        return template.parts.map((part) => (typeof part === 'string' ? part : this.#readText(part))).join('');
      case 'list':
        return template.items.map((item) => this.resolve(item));
      case 'object':
        return this.#object(template.fields);
    }
  }

  #object(fields: readonly (readonly [string, Template])[]): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const [key, value] of fields) {
      const resolved = this.resolve(value);
      // an assignment to this one would change the prototype
      if (key === '__proto__')
        Object.defineProperty(object, key, { value: resolved, enumerable: true, writable: true, configurable: true });
      else object[key] = resolved;
    }
    return object;
  }

  #read(read: Read): unknown {
    let value = read.stage === -1 ? this.#values.input : this.#values.output(read.stage);
    for (const key of read.path) {
      if (!isMember(value, key)) throw unresolved(read, key, value);
      value = (value as Record<string, unknown>)[key];
    }
    if (value === undefined) throw unresolved(read, undefined, value);
    return value;
  }

  #readText(read: Read): string {
    const value = this.#read(read);
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
    this.#textLeft -= text.length;
    if (this.#textLeft < 0) {
      throw workflowError(
        'TEMPLATE_TOO_LARGE',
        `\${${read.text}} makes a text of more than ${MAX_TEXT} characters: hand large values on as they are`,
      );
    }
    return text;
  }
}

function isMember(value: unknown, key: string): boolean {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false;
  // `length` is an own property of an array, but nothing that its JSON shows
  return !Array.isArray(value) || /^\d+$/.test(key);
}

function unresolved(read: Read, key: string | undefined, value: unknown) {
  const kind = value === null ? 'null' : Array.isArray(value) ? `an array of ${value.length}` : `a value of type ${typeof value}`;
  const why = key === undefined ? 'there is no value' : `there is no ${JSON.stringify(shortened(key))} in ${kind}`;
  return workflowError(
    'TEMPLATE_UNRESOLVED',
    `\${${read.text}} cannot be resolved: ${why}. Every path must be there; write null where something is left out`,
    {
      phase: 'call',
    },
  );
}
