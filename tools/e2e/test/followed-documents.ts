import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, it } from '@jest/globals';
import type { Step } from '../../documents/blocks.mjs';
import { Reader } from '../../documents/reader.mjs';
import { REPOSITORY } from './running-host.js';

/** Read from top to bottom in a clone, one after the other. */
export const IN_A_CLONE = ['README.md', 'docs/examples/wasi-wordcount/README.md', 'docs/examples/three-jobs/README.md'];

/** Looked up, not read through: their files are all there, and a host with the three plugins runs, before the first command. */
export const AS_REFERENCE = ['docs/reference/workflows.md', 'docs/reference/agents.md'];

/** Followed by tests of their own, which bring what they need. */
export const ELSEWHERE = ['docs/how-to/install-outside-a-clone.md'];

const FOLDERS = ['docs', 'plugins', 'sdk', 'host', 'tools'];
const NOT_OURS = /(^|\/)(node_modules|dist|\.\w[^/]*)(\/|$)/;

/** Every document that a reader of the repository meets. */
export function allDocuments(): string[] {
  const below = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  );
  const names = [...readdirSync(REPOSITORY), ...below].map((name) => name.split(path.sep).join('/'));
  return names.filter((name) => name.endsWith('.md') && !NOT_OURS.test(name)).sort();
}

/** The text of a document of the repository. */
export function documentText(file: string): string {
  return readFileSync(path.join(REPOSITORY, file), 'utf8');
}

/** `npx bellows` without npm, which takes its time each time: the same file that it would start. */
export function readerIn(folder: string, hostMain: string): Promise<Reader> {
  return Reader.create({
    folder,
    prelude: `npx() { if [ "$1" = bellows ]; then shift; "${process.execPath}" "${hostMain}" "$@"; else command npx "$@"; fi; }`,
  });
}

/** One test for each step, in order; after one that fails the others have nothing to stand on. */
export function followInOrder(steps: readonly Step[], arrive: () => Promise<Reader>): void {
  let reader: Reader | undefined;
  let failed: string | undefined;
  beforeAll(async () => {
    reader = await arrive();
  });
  afterAll(() => reader?.close());

  it.each(steps.map((step) => [nameOf(step), step] as const))('%s', async (name, step) => {
    if (failed !== undefined) throw new Error(`not reached, because this failed: ${failed}`);
    failed = name;
    await reader!.follow(step);
    failed = undefined;
  });
}

function nameOf({ line, text, marks }: Step): string {
  return `line ${line}: ${marks.file === undefined ? text.split('\n')[0] : `saves ${marks.file}`}`;
}
