import { describe, expect, it } from '@jest/globals';
import { assertStorePath } from '../src/store-path.js';

describe('assertStorePath', () => {
  it.each([
    'dw://internal/a',
    'dw://internal/wasm-config/fib',
    'dw://internal/@p/a b',
    'dw://internal/..a/…',
    `dw://internal/${'a'.repeat(1_010)}`,
  ])('accepts %s', (path) => {
    expect(() => assertStorePath(path)).not.toThrow();
  });

  it.each([
    ['', 'must start with'],
    ['/a', 'must start with'],
    ['dw://internal', 'must start with'],
    ['dw://internal/', 'empty'],
    ['dw://internal/a//b', 'empty'],
    ['dw://internal/a/', 'empty'],
    ['dw://internal/a/../b', '".."'],
    ['dw://internal/.', '"."'],
    ['dw://internal/a\u0000', 'control character'],
    ['dw://internal/a\u0085', 'control character'],
    ['dw://internal/\ud800', 'surrogate'],
    [`dw://internal/${'a'.repeat(1_011)}`, '1025 characters'],
  ])('refuses %j and says why', (path, reason) => {
    expect(() => assertStorePath(path)).toThrow(
      expect.objectContaining({ code: 'STORE_PATH_INVALID', kind: 'input', message: expect.stringContaining(reason) }),
    );
  });
});
