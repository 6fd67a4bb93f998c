import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tempFolder } from './temp-folder.js';

/** One effect of a stage, as the stage itself wrote it down outside of the host. */
export interface Effect {
  readonly run: string;
  readonly stage: string;
  /** `did` or `undid`. */
  readonly what: string;
  /** Of the host that did it. */
  readonly pid: number;
  readonly at: number;
}

/**
 * Functions for stages that are defined in YAML or JSON. `effect` and `undo` append a line to the file in the input before they answer,
 * so that a test can compare what happened with what the host says; `effect` may take a while, fail some attempts, or answer what JSON cannot hold.
 */
const FUNCTIONS = `
import { appendFileSync } from 'node:fs';
import { defineFunction } from '@bellows/sdk/workflow';

interface Asked { file: string; sleepMs?: number; failTimes?: number; always?: boolean; bytes?: number; answer?: unknown }

const write = (file: string, what: string, call: { runId: string; stage: string }) =>
  appendFileSync(file, JSON.stringify({ run: call.runId, stage: call.stage, what, pid: process.pid, at: Date.now() }) + '\\n');

export const effect = defineFunction('effect', async (input, call) => {
  const asked = input as Asked;
  if (asked.sleepMs) await new Promise((resolve) => setTimeout(resolve, asked.sleepMs));
  write(asked.file, 'did', call);
  if (asked.always || call.attempt <= (asked.failTimes ?? 0)) throw new Error('this stage was told to fail');
  return asked.bytes ? { text: 'x'.repeat(asked.bytes) } : (asked.answer ?? { attempt: call.attempt });
});

export const undo = defineFunction('undo', async (input, call) => {
  const asked = input as Asked;
  if (asked.sleepMs) await new Promise((resolve) => setTimeout(resolve, asked.sleepMs));
  write(asked.file, 'undid', call);
  if (asked.always) throw new Error('this compensation was told to fail');
});

export const noJson = defineFunction('noJson', (input) => {
  const { kind } = input as { kind: string };
  if (kind === 'bigint') return 1n;
  if (kind === 'function') return () => 1;
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  return circle;
});

export const noop = defineFunction('noop', () => null);
export const length = defineFunction('length', (input) => (input as { text: string }).text.length);
`;

/** A folder with `flows/functions.ts`, to be named in `definitions`. */
export function flowFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = tempFolder('bellows-flows');
  mkdirSync(path.join(folder, 'flows'));
  for (const [name, text] of Object.entries({ 'functions.ts': FUNCTIONS, ...files })) writeFileSync(path.join(folder, 'flows', name), text);
  return folder;
}

/** Of whole lines: the last one may be on its way into the file. */
export function parseEffects(text: string): Effect[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Effect);
}
