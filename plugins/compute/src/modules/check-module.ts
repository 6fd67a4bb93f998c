import { computeError } from '../errors.js';
import { firstOf, shortened } from '../shortened.js';
import { MalformedModule } from './byte-reader.js';
import type { ModuleRecord, WasmModuleConfig } from './module-record.js';
import { type Limits, type ModuleShape, readModule, UnsupportedFeature } from './read-module.js';

/** The only module whose functions a guest may import. */
const WASI_MODULE = 'wasi_snapshot_preview1';

/** An error with one detail for each of ten thousand imports helps nobody. */
const MAX_DETAILS = 100;

/** What of a record follows from the bytes alone. */
export type ModuleFacts = Pick<
  ModuleRecord,
  'bytes' | 'kind' | 'exports' | 'imports' | 'minPages' | 'minTableElements' | 'largestFunctionBytes'
>;

/**
 * Reads a module that a stranger sent. Throws `MODULE_INVALID`, `FEATURE_UNSUPPORTED` or `IMPORT_UNKNOWN`, nothing else,
 * for any bytes. `knownImports` are the names of the functions that WASI has here.
 */
export function checkModule(bytes: Uint8Array, knownImports: ReadonlySet<string>): ModuleFacts {
  const shape = read(bytes);
  refuseUnknownImports(shape, knownImports);
  return {
    bytes: bytes.length,
    kind: shape.imports.length > 0 ? 'wasi' : 'core',
    exports: shape.exports,
    imports: shape.imports,
    minPages: sumOfMinima(shape.memories),
    minTableElements: sumOfMinima(shape.tables),
    largestFunctionBytes: shape.largestFunctionBytes,
  };
}

/** Throws `MEMORY_LIMIT` or `FUNCTION_TOO_LARGE` when the module cannot live within its configuration. */
export function checkFits(facts: Omit<ModuleFacts, 'bytes' | 'kind' | 'exports' | 'imports'>, config: WasmModuleConfig): void {
  if (facts.minPages > config.maxPages) {
    throw computeError(
      'MEMORY_LIMIT',
      `The module declares ${facts.minPages} pages of memory and may have ${config.maxPages}: raise maxPages, or build it with less`,
      { data: { resource: 'memory', declared: facts.minPages, allowed: config.maxPages } },
    );
  }
  if (facts.minTableElements > config.maxTableElements) {
    throw computeError(
      'MEMORY_LIMIT',
      `The module declares ${facts.minTableElements} table elements and may have ${config.maxTableElements}: raise maxTableElements`,
      { data: { resource: 'table', declared: facts.minTableElements, allowed: config.maxTableElements } },
    );
  }
  if (facts.largestFunctionBytes > config.maxFunctionBytes) {
    throw computeError(
      'FUNCTION_TOO_LARGE',
      `A function of the module has ${facts.largestFunctionBytes} bytes of code, ${config.maxFunctionBytes} are allowed: raise maxFunctionBytes`,
      { data: { largest: facts.largestFunctionBytes, allowed: config.maxFunctionBytes } },
    );
  }
}

function read(bytes: Uint8Array): ModuleShape {
  try {
    return readModule(bytes);
  } catch (error) {
    if (error instanceof UnsupportedFeature)
      throw unsupportedFeature(error.feature, `The module uses ${error.feature}, which is not allowed here`);
    if (error instanceof MalformedModule) {
      throw computeError(
        'MODULE_INVALID',
        `The bytes are no WebAssembly module that can be taken: at offset ${error.offset}, ${error.message}. Send a compiled .wasm file`,
        { data: { offset: error.offset }, cause: error },
      );
    }
    throw error;
  }
}

export function unsupportedFeature(feature: string, what: string) {
  return computeError('FEATURE_UNSUPPORTED', `${what}: leave it out`, { data: { feature } });
}

function refuseUnknownImports(shape: ModuleShape, known: ReadonlySet<string>): void {
  const unknown = shape.imports.filter(({ module, name, kind }) => module !== WASI_MODULE || kind !== 'function' || !known.has(name));
  if (unknown.length === 0) return;
  const names = unknown.map(({ module, name, kind }) => `${shortened(module)}.${shortened(name)} (${kind})`);
  const named = names.slice(0, MAX_DETAILS);
  throw computeError(
    'IMPORT_UNKNOWN',
    `The module imports what no guest gets here: ${firstOf(names)}. Only functions of ${WASI_MODULE} are there; build it for wasm32-wasip1`,
    { details: named.map((name) => ({ path: 'wasm', message: `unknown import ${name}` })), data: { imports: named } },
  );
}

function sumOfMinima(all: readonly Limits[]): number {
  return all.reduce((sum, { min }) => sum + min, 0);
}
