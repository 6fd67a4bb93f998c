import { glob, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { type BellowsError, type ErrorDetail, isBellowsError, messageOf } from '@bellows/sdk';
import type { FunctionDefinition, StageFunction, WorkflowDefinition } from '@bellows/sdk/workflow';
import { workflowError } from '../errors.js';
import { compilePipeline } from './compile-pipeline.js';
import { NAME_PATTERN } from './definition-schema.js';
import { loadModule, moduleFault } from './load-module.js';
import { type ParsedText, type Place, parseText } from './parse-text.js';
import type { Pipeline } from './pipeline.js';
import { offerSdk } from './sdk-resolution.js';

const TEXT_FORMATS: Readonly<Record<string, 'json' | 'yaml'>> = Object.freeze({ '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml' });
const CODE = new Set(['.ts', '.mts', '.js', '.mjs']);
/** They stand beside built files and hold nothing to run. */
const TYPES_ONLY = /\.d\.m?ts$/;
/** A pattern such as `**` from the wrong folder would read a whole disk. */
const MAX_FILES = 10_000;

export interface DefinitionFilesOptions {
  /** The configuration `definitions`. */
  readonly patterns: readonly string[];
  /** From where they are meant (absolute): `PluginContext.configFolder`. */
  readonly folder: string;
  readonly maxDepth: number;
  readonly maxStages: number;
  /** Ends the wait for files whose import never ends. */
  readonly signal?: AbortSignal;
}

/** What the files say. */
export interface LoadedDefinitions extends Disposable {
  readonly pipelines: readonly Pipeline[];
  /** Those of `defineFunction`, by name. */
  readonly functions: ReadonlyMap<string, StageFunction>;
  /** Lets go of what makes `@bellows/sdk` known to the files. Functions that import something later need it until then. */
  [Symbol.dispose](): void;
}

/**
 * Finds, loads and compiles the files of `definitions`: YAML, JSON, and TypeScript or JavaScript that exports what `defineWorkflow` and
 * `defineFunction` made. Functions of any file can be used in every YAML and JSON file. Rejects with one `DEFINITION_FILE_INVALID` whose
 * `details` name every fault of every file as `flows/a.yaml:3:5 stages[0].input`; nothing is left behind then but imported modules.
 */
export async function loadDefinitionFiles(options: DefinitionFilesOptions): Promise<LoadedDefinitions> {
  const loader = new Loader(options);
  const files = await loader.find();
  const code = files.filter((file) => CODE.has(path.extname(file)));
  // files of data import nothing, and hooks into the loader of the process are not to be there without need
  const sdk = code.length === 0 ? null : offerSdk([loader.root, ...code.map((file) => path.dirname(file))]);
  try {
    for (const file of files) await loader.load(file);
    const pipelines = loader.compile();
    loader.throwFaults();
    return { pipelines, functions: loader.functions, [Symbol.dispose]: () => sdk?.[Symbol.dispose]() };
  } catch (error) {
    sdk?.[Symbol.dispose]();
    throw error;
  }
}

interface LoadedFile {
  readonly file: string;
  readonly definition: unknown;
  readonly text: ParsedText | null;
}

class Loader {
  /** The folder without symbolic links, as the paths of files are; known after `find`. */
  root = '';
  readonly functions = new Map<string, StageFunction>();
  readonly #options: DefinitionFilesOptions;
  readonly #faults: ErrorDetail[] = [];
  readonly #loaded: LoadedFile[] = [];
  readonly #seen = new Set<WorkflowDefinition | FunctionDefinition>();
  readonly #fileOfFunction = new Map<string, string>();

  constructor(options: DefinitionFilesOptions) {
    this.#options = options;
  }

  /** Each file once, in the order of their paths, so that faults come in the same order on every machine. */
  async find(): Promise<string[]> {
    const found = new Set<string>();
    this.root = await realpath(this.#options.folder);
    for (const pattern of this.#options.patterns) {
      let matches = 0;
      try {
        for await (const match of glob(pattern, { cwd: this.#options.folder, exclude: ['**/node_modules/**'] })) {
          const file = path.resolve(this.#options.folder, match);
          if (TYPES_ONLY.test(file)) continue;
          const real = await this.#realFile(file);
          if (real === null) continue;
          matches += 1;
          found.add(real);
          if (found.size > MAX_FILES) break;
        }
        if (matches === 0) this.#faults.push({ path: pattern, message: `matches no file in ${this.#options.folder}` });
      } catch (error) {
        this.#faults.push({ path: pattern, message: messageOf(error) });
      }
    }
    if (found.size <= MAX_FILES) return [...found].sort();
    this.#faults.push({ path: 'definitions', message: `these patterns match more than ${MAX_FILES} files` });
    return [];
  }

  /** null for a folder. A link that leads nowhere is left to be loaded, which tells what is wrong, so that other files are still found. */
  async #realFile(file: string): Promise<string | null> {
    try {
      return (await stat(file)).isFile() ? await realpath(file) : null;
    } catch {
      return file;
    }
  }

  async load(file: string): Promise<void> {
    const extension = path.extname(file);
    const format = Object.hasOwn(TEXT_FORMATS, extension) ? TEXT_FORMATS[extension] : undefined;
    try {
      if (format !== undefined) this.#loadText(file, parseText(await readFile(file, 'utf8'), format));
      else if (CODE.has(extension)) await this.#loadCode(file);
      else this.#fault(file, { message: `definitions are ${[...Object.keys(TEXT_FORMATS), ...CODE].join(', ')} files` });
    } catch (error) {
      this.#fault(file, moduleFault(error, file));
    }
  }

  /** Once every file is loaded: a stage may name a function of any of them. */
  compile(): Pipeline[] {
    const files = new Map<string, string>();
    const { maxDepth, maxStages } = this.#options;
    return this.#loaded.flatMap(({ file, definition, text }) => {
      try {
        const pipeline = compilePipeline(definition, { maxDepth, maxStages, file, functions: this.functions });
        const key = `${pipeline.name} version ${pipeline.version}`;
        const other = files.get(key);
        if (other !== undefined) this.#fault(file, { message: `the workflow ${key} is in ${this.#shown(other)} too` });
        files.set(key, file);
        return [pipeline];
      } catch (error) {
        // a file of code may define many
        const prefix = text === null ? `${String((definition as WorkflowDefinition).name)} ` : '';
        for (const detail of detailsOf(error)) {
          this.#fault(file, { ...detail, path: `${prefix}${detail.path}`.trim(), place: text?.placeOf(detail.path) ?? null });
        }
        return [];
      }
    });
  }

  throwFaults(): void {
    const [first] = this.#faults;
    if (first === undefined) return;
    const more = this.#faults.length === 1 ? '' : ` (and ${this.#faults.length - 1} more, see details)`;
    throw workflowError('DEFINITION_FILE_INVALID', `Files of definitions cannot be used: ${first.path}: ${first.message}${more}`, {
      phase: 'activate',
      details: this.#faults,
    });
  }

  #loadText(file: string, text: ParsedText): void {
    for (const fault of text.faults) this.#fault(file, fault);
    if (text.faults.length === 0) this.#loaded.push({ file, definition: text.value, text });
  }

  async #loadCode(file: string): Promise<void> {
    const { workflows, functions } = await loadModule(file, this.#options.signal);
    if (workflows.length + functions.length === 0) {
      this.#fault(file, { message: 'exports nothing that defineWorkflow or defineFunction of @bellows/sdk/workflow made' });
    }
    // a file may hand on what another one defines
    for (const definition of workflows.filter((found) => this.#isNew(found))) this.#loaded.push({ file, definition, text: null });
    for (const definition of functions.filter((found) => this.#isNew(found))) this.#addFunction(file, definition);
  }

  #isNew(definition: WorkflowDefinition | FunctionDefinition): boolean {
    return !this.#seen.has(definition) && this.#seen.add(definition) !== undefined;
  }

  #addFunction(file: string, { name, run }: FunctionDefinition): void {
    const shown = String(name);
    if (!NAME_PATTERN.test(shown))
      this.#fault(file, { message: `"${shown.slice(0, 140)}" is no name for a function: a letter, then letters, digits, _ and -` });
    if (typeof run !== 'function')
      this.#fault(file, { message: `what defineFunction was given for "${shown.slice(0, 140)}" is no function` });
    const other = this.#fileOfFunction.get(shown);
    if (other !== undefined) this.#fault(file, { message: `the function "${shown}" is in ${this.#shown(other)} too` });
    this.#fileOfFunction.set(shown, file);
    this.functions.set(shown, run);
  }

  #fault(file: string, { place, path: inside, message, suggestion }: FileFault): void {
    const at = place === null || place === undefined ? '' : `:${place.line}:${place.column}`;
    const where = inside === undefined || inside === '' ? '' : ` ${inside}`;
    this.#faults.push({ path: `${this.#shown(file)}${at}${where}`, message, ...(suggestion === undefined ? {} : { suggestion }) });
  }

  #shown(file: string): string {
    const relative = path.relative(this.root, file);
    return relative.startsWith('..') ? file : relative;
  }
}

interface FileFault {
  readonly place?: Place | null;
  /** Within the definition. */
  readonly path?: string;
  readonly message: string;
  readonly suggestion?: string;
}

function detailsOf(error: unknown): readonly ErrorDetail[] {
  const { details } = isBellowsError(error) ? error : ({} as BellowsError);
  return details ?? [{ path: '', message: messageOf(error) }];
}
