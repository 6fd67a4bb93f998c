import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOST_ERROR_CODES } from '../src/error-codes.js';

/** Every code that a source of the host throws: the first argument of an error class or of a helper that makes one. */
async function thrownCodes(): Promise<Map<string, string>> {
  const folder = path.join(import.meta.dirname, '..', 'src');
  const codes = new Map<string, string>();
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const text = await readFile(path.join(folder, name), 'utf8');
    for (const [, code = ''] of text.matchAll(/[eE]rror\(\s*'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g)) codes.set(code, name);
  }
  return codes;
}

describe('HOST_ERROR_CODES', () => {
  it('has a text for every code the host throws', async () => {
    const thrown = await thrownCodes();
    expect(thrown.size).toBeGreaterThan(30);
    expect([...thrown].filter(([code]) => !(code in HOST_ERROR_CODES))).toEqual([]);
  });

  it('says in sentences what happened and what to do', () => {
    for (const { text } of Object.values(HOST_ERROR_CODES)) expect(text).toMatch(/^[A-Z`].+[.`]$/);
  });
});
