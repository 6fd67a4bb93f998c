/** As much of it as the tests use: the types of Node.js leave it to those of browsers, which are not wanted here. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, (...args: number[]) => number>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
