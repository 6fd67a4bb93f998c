import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { defineErrorCodes, ERROR_CODES } from '../src/error-codes.js';

/** `new InputError('CODE'` and `code: 'CODE'`, wherever the sources make an error. */
async function codesOfSources(): Promise<Map<string, string>> {
  const kinds = new Map<string, string>();
  const folder = new URL('../src/', import.meta.url);
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts') && !name.endsWith('error-codes.ts'));
  for (const file of files) {
    const text = await readFile(new URL(file, folder), 'utf8');
    for (const [, kind, code] of text.matchAll(/new (\w+)Error\(\s*'([A-Z0-9_]+)'/g)) kinds.set(code!, kind!);
  }
  return kinds;
}

describe('ERROR_CODES', () => {
  it('has a text and the right kind for every code the sources throw, and none that nobody throws', async () => {
    const thrown = await codesOfSources();
    expect(thrown.size).toBeGreaterThan(15);
    expect(Object.keys(ERROR_CODES).toSorted()).toEqual([...thrown.keys()].toSorted());
    const kindOf = (name: string) => name.replace(/(?!^)[A-Z]/g, '_$&').toLowerCase();
    for (const [code, name] of thrown) expect([code, ERROR_CODES[code as keyof typeof ERROR_CODES].kind]).toEqual([code, kindOf(name)]);
  });

  it('is frozen', () => {
    expect(Object.isFrozen(ERROR_CODES)).toBe(true);
    expect(Object.isFrozen(ERROR_CODES.QUEUE_FULL)).toBe(true);
  });
});

describe('defineErrorCodes', () => {
  it.each(['lower', 'WITH-DASH', '_A', 'A__B', ''])('refuses the code %j', (code) => {
    expect(() => defineErrorCodes({ [code]: { kind: 'input', text: 'Text.' } })).toThrow(TypeError);
  });

  it('refuses a code without text', () => {
    expect(() => defineErrorCodes({ CODE: { kind: 'input', text: ' ' } })).toThrow('CODE');
  });
});
