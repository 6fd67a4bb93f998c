import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { messageOf } from '@bellows/sdk';
import { type FunctionDefinition, isFunctionDefinition, isWorkflowDefinition, type WorkflowDefinition } from '@bellows/sdk/workflow';
import type { Place } from './parse-text.js';
import { sentence } from './shortened.js';

export interface LoadedModule {
  readonly workflows: readonly WorkflowDefinition[];
  readonly functions: readonly FunctionDefinition[];
}

export interface ModuleFault {
  readonly place: Place | null;
  readonly message: string;
}

/**
 * Imports a file of TypeScript or JavaScript (absolute) and picks what it exports of workflows and functions, each once. Rejects with
 * whatever the file throws; `moduleFault` makes that readable. A file that changed since it was imported is imported anew, the files it
 * imports itself are not. An aborted `signal` ends the wait for a file whose import never ends.
 */
export async function loadModule(file: string, signal?: AbortSignal): Promise<LoadedModule> {
  const exported = new Set<unknown>(Object.values(await abortable(import(urlOf(file)), signal)));
  return { workflows: [...exported].filter(isWorkflowDefinition), functions: [...exported].filter(isFunctionDefinition) };
}

/** What went wrong in words, with the line of the file where it shows. */
export function moduleFault(error: unknown, file: string): ModuleFault {
  const { code, stack } = typeof error === 'object' && error !== null ? (error as NodeJS.ErrnoException) : {};
  const hint =
    code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'
      ? '. Types are stripped, nothing is translated: write it as JavaScript has it (an object for an enum), or give a built file'
      : '';
  return { place: typeof stack === 'string' ? placeIn(stack, file) : null, message: `${sentence(messageOf(error))}${hint}` };
}

/** Which state of a file its plain URL stands for: modules are kept by URL for as long as the process lives. */
const FIRST_SEEN = new Map<string, string>();

function urlOf(file: string): string {
  const { href } = pathToFileURL(file);
  const { mtimeMs, size } = statSync(file);
  const state = `${mtimeMs}-${size}`;
  const first = FIRST_SEEN.get(file);
  if (first === undefined) FIRST_SEEN.set(file, state);
  // the plain URL as long as possible: another file that imports this one then gets the same objects
  return first === undefined || first === state ? href : `${href}?state=${state}`;
}

/** Node.js writes faults of syntax as `/path:3` in the first line, and frames as `file:///path:3:5`. */
function placeIn(stack: string, file: string): Place | null {
  for (const name of [pathToFileURL(file).href, file]) {
    for (let at = stack.indexOf(name); at !== -1; at = stack.indexOf(name, at + 1)) {
      const found = /^(?:\?[^:\s]*)?:(\d+)(?::(\d+))?/.exec(stack.slice(at + name.length, at + name.length + 200));
      if (found !== null) return { line: Number(found[1]), column: Number(found[2] ?? 1) };
    }
  }
  return null;
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new Error('its import did not end while there was time'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
