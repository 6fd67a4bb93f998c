import { afterAll, beforeAll, it } from '@jest/globals';
import type { Step } from '../../documents/blocks.mjs';
import { Reader } from '../../documents/reader.mjs';

/** Read from top to bottom in a clone, one after the other. */
export const IN_A_CLONE = [
  'README.md',
  'docs/explanation/demo.md',
  'docs/tutorials/run-it.md',
  'docs/examples/three-jobs/README.md',
  'docs/examples/wasi-wordcount/README.md',
  'docs/tutorials/first-workflow.md',
  'docs/tutorials/agents.md',
  'docs/tutorials/first-plugin.md',
];

/** Looked up, not read through: their files are all there, and a host with the three plugins runs, before the first command. */
export const AS_REFERENCE = [
  'docs/reference/workflows.md',
  'docs/reference/agents.md',
  'docs/how-to/find-out-why.md',
  'plugins/compute/README.md',
  'plugins/workflow/README.md',
];

/** Followed by tests of their own, which bring what they need. */
export const ELSEWHERE = ['docs/how-to/install-outside-a-clone.md', 'docs/how-to/test-a-plugin.md'];

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
