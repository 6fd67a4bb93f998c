// Named after the module that WASI functions are imported from. Each answers an error number, 0 for success.

export declare function fd_read(file: i32, vectors: usize, vectorCount: usize, readBytes: usize): i32;
export declare function fd_write(file: i32, vectors: usize, vectorCount: usize, writtenBytes: usize): i32;
export declare function proc_exit(code: i32): void;
