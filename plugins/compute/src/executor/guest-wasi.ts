import { Fd, WASI, WASIProcExit, wasi } from '@bjorn3/browser_wasi_shim';
import { GrowingBytes, MemoryDirectory, OutputBudget, RootDirectory } from './guest-file-system.js';
import type { WasiInput, WasiOutput } from './protocol.js';
import { seededBytes } from './seeded-bytes.js';

/** More open files than any program here needs; a guest that never closes must not fill the executor. */
const MAX_OPEN_FILES = 1_024;
/** The longest path a guest may name, bytes. */
const MAX_PATH_BYTES = 4_096;
const NANOSECONDS_PER_MS = 1_000_000n;

/** Where each function is told the length of a path. */
const PATH_LENGTH_ARGUMENTS: Readonly<Record<string, readonly number[]>> = Object.freeze({
  path_create_directory: [2],
  path_filestat_get: [3],
  path_filestat_set_times: [3],
  path_open: [3],
  path_readlink: [2],
  path_remove_directory: [2],
  path_rename: [2, 5],
  path_unlink_file: [2],
});

/** As IOV_MAX of Linux: each entry becomes an object, and a memory of 4 GiB holds half a thousand million of them. */
const MAX_VECTORS = 1_024;
/** The functions whose third argument says how many buffers there are. */
const VECTORED: ReadonlySet<string> = new Set(['fd_read', 'fd_pread', 'fd_write', 'fd_pwrite']);

type Import = (...args: (number | bigint)[]) => unknown;

/**
 * `wasi_snapshot_preview1` for one instance and one call: a file system in memory, no host access of any kind.
 * The imports exist before the call does, because instances are made ahead of time; until `begin`, and so also in a
 * start function, every one of them answers ENOSYS.
 */
export class GuestWasi {
  readonly imports: { readonly wasi_snapshot_preview1: Readonly<Record<string, Import>> };
  readonly #shim = new WASI([], [], [], { debug: false });
  #call: RunningCall | undefined;

  constructor() {
    const overrides: Record<string, Import> = this.#overrides();
    const wrapped: Record<string, Import> = {};
    for (const [name, implementation] of Object.entries({ ...this.#shim.wasiImport, ...overrides })) {
      wrapped[name] = this.#guarded(name, implementation as Import);
    }
    this.imports = { wasi_snapshot_preview1: wrapped };
  }

  /** Opens the world to the guest. Once per instance. */
  begin(instance: WebAssembly.Instance, input: WasiInput): void {
    const budget = new OutputBudget(input.maxOutputBytes);
    const root = new MemoryDirectory(budget);
    for (const file of input.files) root.addGiven(file.path, file.bytes);
    const stdout = new OutputStream(budget);
    const stderr = new OutputStream(budget);
    this.#shim.inst = instance as unknown as WASI['inst'];
    this.#shim.args = [...input.argv];
    this.#shim.env = [...input.env];
    this.#shim.fds = [new InputStream(input.stdin), stdout, stderr, new RootDirectory(root)];
    this.#call = {
      root,
      stdout,
      stderr,
      given: new Set(input.files.map((file) => file.path)),
      random: input.seed === undefined ? undefined : seededBytes(input.seed),
      fixedNs: input.nowMs === undefined ? undefined : BigInt(Math.trunc(input.nowMs)) * NANOSECONDS_PER_MS,
      sleptNs: 0n,
    };
  }

  /** What the call left behind; `undefined` when it was given no world. */
  end(exitCode?: number): WasiOutput | undefined {
    if (this.#call === undefined) return undefined;
    const { root, stdout, stderr, given } = this.#call;
    return { exitCode, stdout: stdout.bytes.slice(), stderr: stderr.bytes.slice(), files: root.changedFiles(given) };
  }

  /** The output when `error` is how `proc_exit` left the guest, else `undefined`. */
  exitOf(error: unknown): WasiOutput | undefined {
    return error instanceof WASIProcExit ? this.end(error.code) : undefined;
  }

  /**
   * Addresses and lengths come as signed numbers and are meant unsigned. A wrong address makes the shim throw; a guest
   * must see an error number instead, except where the call itself is to end.
   */
  #guarded(name: string, implementation: Import): Import {
    const lengths = PATH_LENGTH_ARGUMENTS[name] ?? [];
    const vectored = VECTORED.has(name);
    return (...args) => {
      if (this.#call === undefined) return name === 'proc_exit' ? implementation(...args) : wasi.ERRNO_NOSYS;
      try {
        const unsigned = args.map((arg) => (typeof arg === 'number' ? arg >>> 0 : arg));
        if (lengths.some((position) => Number(unsigned[position]) > MAX_PATH_BYTES)) return wasi.ERRNO_NAMETOOLONG;
        if (vectored && Number(unsigned[2]) > MAX_VECTORS) return wasi.ERRNO_INVAL;
        return implementation(...unsigned) ?? wasi.ERRNO_SUCCESS;
      } catch (error) {
        if (error instanceof WASIProcExit || isStackOverflow(error)) throw error;
        return wasi.ERRNO_FAULT;
      }
    };
  }

  #overrides(): Record<string, Import> {
    const shim = this.#shim;
    const notSupported = () => wasi.ERRNO_NOTSUP;
    return {
      // The shim counts UTF-16 units where bytes are meant.
      args_sizes_get: (count, size) => {
        this.#memory().setUint32(Number(count), shim.args.length, true);
        this.#memory().setUint32(Number(size), byteLength(shim.args), true);
      },
      clock_time_get: (id, _precision, time) => this.#clockTime(Number(id), Number(time)),
      random_get: (at, length) => this.#random(Number(at), Number(length)),
      poll_oneoff: (subscriptions, events, count, stored) =>
        this.#sleep(Number(subscriptions), Number(events), Number(count), Number(stored)),
      path_open: (...args) => this.#pathOpen(args as OpenArguments),
      // One file under many names would be written out many times.
      path_link: notSupported,
      path_symlink: notSupported,
      sock_accept: notSupported,
      sock_recv: notSupported,
      sock_send: notSupported,
      sock_shutdown: notSupported,
      proc_raise: (signal) => {
        throw new WASIProcExit(128 + Number(signal));
      },
    };
  }

  #clockTime(id: number, at: number): number {
    const call = this.#call as RunningCall;
    if (id !== wasi.CLOCKID_REALTIME && id !== wasi.CLOCKID_MONOTONIC) return wasi.ERRNO_INVAL;
    const real = id === wasi.CLOCKID_REALTIME ? BigInt(Date.now()) * NANOSECONDS_PER_MS : BigInt(Math.round(performance.now() * 1e6));
    this.#memory().setBigUint64(at, call.fixedNs === undefined ? real : call.fixedNs + call.sleptNs, true);
    return wasi.ERRNO_SUCCESS;
  }

  #random(at: number, length: number): number {
    const target = new Uint8Array(this.#memory().buffer, at, length);
    const random = (this.#call as RunningCall).random;
    if (random !== undefined) random(target);
    // The Web Crypto call takes at most 65,536 bytes.
    else for (let from = 0; from < length; from += 65_536) crypto.getRandomValues(target.subarray(from, from + 65_536));
    return wasi.ERRNO_SUCCESS;
  }

  /** One clock subscription, as `sleep` of the usual C libraries makes it. A fixed clock moves on instead of waiting. */
  #sleep(subscriptions: number, events: number, count: number, stored: number): number {
    if (count !== 1) return wasi.ERRNO_NOTSUP;
    const call = this.#call as RunningCall;
    const memory = this.#memory();
    const subscription = wasi.Subscription.read_bytes(memory, subscriptions);
    if (subscription.eventtype !== wasi.EVENTTYPE_CLOCK) return wasi.ERRNO_NOTSUP;
    const realtime = subscription.clockid === wasi.CLOCKID_REALTIME;
    const now =
      call.fixedNs === undefined
        ? realtime
          ? BigInt(Date.now()) * NANOSECONDS_PER_MS
          : BigInt(Math.round(performance.now() * 1e6))
        : call.fixedNs + call.sleptNs;
    const absolute = (subscription.flags & wasi.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) !== 0;
    const waitNs = absolute ? subscription.timeout - now : subscription.timeout;
    if (call.fixedNs === undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(waitNs) / 1e6);
    else if (waitNs > 0n) call.sleptNs += waitNs;
    new wasi.Event(subscription.userdata, wasi.ERRNO_SUCCESS, wasi.EVENTTYPE_CLOCK).write_bytes(memory, events);
    memory.setUint32(stored, 1, true);
    return wasi.ERRNO_SUCCESS;
  }

  #pathOpen([fd, dirFlags, pathAt, pathLength, oflags, rights, inheriting, fdFlags, openedAt]: OpenArguments): number {
    const folder = this.#shim.fds[fd];
    if (folder === undefined) return wasi.ERRNO_BADF;
    const free = freeSlot(this.#shim.fds);
    if (free >= MAX_OPEN_FILES) return wasi.ERRNO_MFILE;
    const path = new TextDecoder().decode(new Uint8Array(this.#memory().buffer, pathAt, pathLength).slice());
    const { ret, fd_obj: opened } = folder.path_open(dirFlags, path, oflags, rights, inheriting, fdFlags);
    if (ret !== wasi.ERRNO_SUCCESS || opened === null) return ret;
    this.#shim.fds[free] = opened;
    this.#memory().setUint32(openedAt, free, true);
    return wasi.ERRNO_SUCCESS;
  }

  #memory(): DataView {
    return new DataView(this.#shim.inst.exports.memory.buffer);
  }
}

interface RunningCall {
  readonly root: MemoryDirectory;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly given: ReadonlySet<string>;
  readonly random: ((target: Uint8Array) => void) | undefined;
  readonly fixedNs: bigint | undefined;
  sleptNs: bigint;
}

type OpenArguments = [number, number, number, number, number, bigint, bigint, number, number];

class InputStream extends Fd {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  override fd_fdstat_get() {
    return { ret: 0, fdstat: streamStat(wasi.RIGHTS_FD_READ) };
  }

  override fd_read(size: number) {
    const data = this.#bytes.slice(this.#position, this.#position + size);
    this.#position += data.length;
    return { ret: 0, data };
  }
}

class OutputStream extends Fd {
  readonly #budget: OutputBudget;
  readonly #content = new GrowingBytes();

  constructor(budget: OutputBudget) {
    super();
    this.#budget = budget;
  }

  get bytes(): Uint8Array {
    return this.#content.view;
  }

  override fd_fdstat_get() {
    return { ret: 0, fdstat: streamStat(wasi.RIGHTS_FD_WRITE) };
  }

  override fd_write(data: Uint8Array) {
    if (!this.#budget.spend(data.length)) return { ret: wasi.ERRNO_NOSPC, nwritten: 0 };
    this.#content.write(data, this.#content.length);
    return { ret: 0, nwritten: data.length };
  }
}

function streamStat(rights: number): wasi.Fdstat {
  const fdstat = new wasi.Fdstat(wasi.FILETYPE_CHARACTER_DEVICE, 0);
  fdstat.fs_rights_base = BigInt(rights);
  return fdstat;
}

function freeSlot(fds: readonly (Fd | undefined)[]): number {
  for (let fd = 3; fd < fds.length; fd += 1) if (fds[fd] === undefined) return fd;
  return fds.length;
}

function byteLength(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + new TextEncoder().encode(text).length + 1, 0);
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && /call stack/.test(error.message);
}
