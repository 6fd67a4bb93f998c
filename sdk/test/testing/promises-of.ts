import { readFileSync } from 'node:fs';

/** The promises that a check names, as they stand in its source: one that is added there without a broken sample is found. */
export function promisesOf(check: string): readonly string[] {
  const source = readFileSync(new URL(`../../src/testing/${check}.ts`, import.meta.url), 'utf8');
  return [...source.matchAll(/^ {4}'([^']+)': fresh\(/gm)].map(([, promise = '']) => promise);
}
