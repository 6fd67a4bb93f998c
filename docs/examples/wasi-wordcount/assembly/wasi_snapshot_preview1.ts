// AssemblyScript names the module of an import after the file that declares it, hence the name of this one.
// Addresses are `usize`; every function answers an error number, 0 for success.

export declare function args_sizes_get(count: usize, bytes: usize): i32;
export declare function args_get(pointers: usize, texts: usize): i32;
export declare function path_open(
  folder: i32,
  lookupFlags: i32,
  path: usize,
  pathBytes: usize,
  openFlags: i32,
  rights: u64,
  inheritedRights: u64,
  fileFlags: i32,
  opened: usize,
): i32;
export declare function fd_read(file: i32, vectors: usize, vectorCount: usize, readBytes: usize): i32;
export declare function fd_write(file: i32, vectors: usize, vectorCount: usize, writtenBytes: usize): i32;
export declare function fd_close(file: i32): i32;
export declare function proc_exit(code: i32): void;
