import binaryen from 'binaryen';

/** Assembles WebAssembly text, with every feature switched on that a hostile module might use. */
export function wat(text: string): Uint8Array {
  const module = binaryen.parseText(text);
  try {
    module.setFeatures(binaryen.Features.All);
    return Uint8Array.from(module.emitBinary());
  } finally {
    module.dispose();
  }
}

/** One module with what most tests need. */
export const FIXTURE = wat(`(module
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))
  (table $functions 2 funcref)
  (elem (i32.const 0) $two)
  (type $none (func))
  (func $two (result i32) (i32.const 2))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "addLong") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "same") (param f64) (result f64) (local.get 0))
  (func (export "pair") (result i32 i64) (i32.const 1) (i64.const 2))
  (func (export "count") (result i32) (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (i32.add (global.get $count) (i32.load (i32.const 0))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "tableGrow") (param i32) (result i32) (table.grow $functions (ref.null func) (local.get 0)))
  (func (export "loop") (loop $again (br $again)))
  (func $recurse (export "recurse") (call $recurse))
  (func (export "unreachable") (unreachable))
  (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
  (func (export "overflow") (result i32) (i32.div_s (i32.const -2147483648) (i32.const -1)))
  (func (export "convert") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "indirect") (param i32) (call_indirect (type $none) (local.get 0)))
  (func (export "vector") (result v128) (v128.const i32x4 1 2 3 4))
)`);
