/** Small modules, assembled here byte by byte so that the tests need no compiler. Source: the WebAssembly core specification, binary format. */
const I32 = 0x7f;

/** `add(i32, i32) -> i32` */
export const ADD = wasm({ params: [I32, I32], results: [I32], export: 'add', body: [0x20, 0, 0x20, 1, 0x6a] });

/** `boom()` executes `unreachable`. */
export const BOOM = wasm({ params: [], results: [], export: 'boom', body: [0x00] });

/** `spin()` never ends. */
export const SPIN = wasm({ params: [], results: [], export: 'spin', body: [0x03, 0x40, 0x0c, 0, 0x0b] });

/** A module whose start function executes `unreachable`. */
export const START_TRAPS = wasm({ params: [], results: [], export: 'never', body: [0x00], start: true });

/** Needs a function that no host provides. */
export const UNKNOWN_IMPORT = wasm({ params: [], results: [], export: 'f', body: [], importName: 'nobody_has_this' });

/** Declares a memory of 300 pages, more than the default limit of 256. */
export const BIG_MEMORY = wasm({ params: [], results: [], export: 'f', body: [], memoryPages: 300 });

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

interface Sample {
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly export: string;
  readonly body: readonly number[];
  readonly start?: boolean;
  readonly importName?: string;
  readonly memoryPages?: number;
}

function wasm(sample: Sample): Uint8Array {
  const imported = sample.importName === undefined ? 0 : 1;
  const own = imported; // functions are counted from the imports on
  const bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const add = (id: number, content: readonly number[]) => bytes.push(id, ...leb(content.length), ...content);
  add(1, [1, 0x60, ...vector(sample.params), ...vector(sample.results)]);
  if (sample.importName !== undefined) add(2, [1, ...text('env'), ...text(sample.importName), 0x00, 0]);
  add(3, [1, 0]);
  if (sample.memoryPages !== undefined) add(5, [1, 0x00, ...leb(sample.memoryPages)]);
  add(7, [1, ...text(sample.export), 0x00, own]);
  if (sample.start) add(8, [own]);
  const code = [0, ...sample.body, 0x0b];
  add(10, [1, ...leb(code.length), ...code]);
  return Uint8Array.from(bytes);
}

function vector(values: readonly number[]): number[] {
  return [...leb(values.length), ...values];
}

function text(value: string): number[] {
  return vector([...Buffer.from(value, 'utf8')]);
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}
