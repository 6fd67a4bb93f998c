import process from 'node:process';

/**
 * What all code of a process shares and nobody closes: environment, working folder, names of globals, what the built-in classes are made of.
 * Globals and environment are told by name alone: a value may be a secret. A global under a symbol is not looked at, because Node.js makes
 * such ones itself, at the first `fetch` for example.
 */
export class SurroundingsWatch {
  readonly #environment = { ...process.env };
  readonly #folder = workingFolder();
  readonly #globals = new Set(Object.getOwnPropertyNames(globalThis));
  readonly #builtIns = BUILT_INS.map(([name, object]) => ({ name, object, members: membersOf(object) }));

  /** A line for each thing that is not as it was when the watch was made. */
  get changed(): readonly string[] {
    const folder = workingFolder();
    return [
      ...changedNames(this.#environment, process.env).map((name) => `a change of the environment variable ${name}`),
      ...(folder === this.#folder ? [] : [`the working folder ${folder}, which was ${this.#folder}`]),
      ...Object.getOwnPropertyNames(globalThis).flatMap((name) => (this.#globals.has(name) ? [] : [`the new global ${name}`])),
      ...[...this.#globals].flatMap((name) => (Object.hasOwn(globalThis, name) ? [] : [`the removal of the global ${name}`])),
      ...this.#builtIns.flatMap(({ name, object, members }) =>
        changedMembers(members, membersOf(object)).map((member) => `a change of ${name}.${member}`),
      ),
    ];
  }
}

/** Those that code which was not written for it meets; `Error` itself, because its members say what every stack looks like. */
const BUILT_INS: readonly (readonly [name: string, object: object])[] = [
  ['Error', Error],
  ...[Object, Function, Array, String, Number, Boolean, Symbol, BigInt, Date, RegExp, Promise, Map, Set, WeakMap, WeakSet].map(
    (builtIn) => [`${builtIn.name}.prototype`, builtIn.prototype as object] as const,
  ),
  ...[Error, TypeError, RangeError, Uint8Array, ArrayBuffer, URL, AbortSignal, AbortController].map(
    (builtIn) => [`${builtIn.name}.prototype`, builtIn.prototype as object] as const,
  ),
];

/** By key: the value, or what answers and takes it. */
type Members = ReadonlyMap<string | symbol, readonly unknown[]>;

function membersOf(object: object): Members {
  return new Map(
    Reflect.ownKeys(object).map((key) => {
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, key) ?? {};
      return [key, [value, get, set]] as const;
    }),
  );
}

function changedMembers(before: Members, now: Members): readonly string[] {
  const keys = new Set([...before.keys(), ...now.keys()]);
  return [...keys].filter((key) => !isSame(before.get(key), now.get(key))).map(String);
}

function isSame(before: readonly unknown[] | undefined, now: readonly unknown[] | undefined): boolean {
  return before !== undefined && now !== undefined && before.every((part, index) => Object.is(part, now[index]));
}

function changedNames(before: NodeJS.ProcessEnv, now: NodeJS.ProcessEnv): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => before[name] !== now[name]);
}

/** The folder may be gone. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '(removed)';
  }
}
