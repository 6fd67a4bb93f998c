/** The part of the WebAssembly JavaScript interface that executors use; Node.js has it, its type package does not describe it. */
declare namespace WebAssembly {
  class Module {
    static imports(module: Module): readonly unknown[];
    private readonly brand;
  }
  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    readonly buffer: ArrayBuffer;
  }
  class Exception {
    private readonly brand;
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
  function compile(bytes: Uint8Array): Promise<Module>;
}
