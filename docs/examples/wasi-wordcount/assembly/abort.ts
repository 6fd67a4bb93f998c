import { proc_exit } from './wasi_snapshot_preview1';

/** What AssemblyScript calls when the program is wrong (out of range, out of memory); its own would need an import of the host. */
export function abort(_message: string | null, _file: string | null, _line: u32, _column: u32): void {
  proc_exit(134);
}
