import { afterAll, beforeAll, it } from '@jest/globals';
import type { Step } from '../../documents/blocks.mjs';
import { Reader } from '../../documents/reader.mjs';

/** Read from top to bottom in a clone, one after the other. */
export const FIRST_IN_A_CLONE = [
  'README.md',
  'docs/tutorials/run-it.md',
  'docs/examples/three-jobs/README.md',
  'docs/examples/wasi-wordcount/README.md',
  'docs/how-to/configure.md',
];

/** What it runs has a host, a port and a folder of its own, and waits most of the time. */
export const BESIDE_OTHERS = 'docs/explanation/demo.md';

/** Meanwhile. Nothing is built there: that would exchange files of the host that the demo has started. */
export const MEANWHILE = ['docs/tutorials/first-workflow.md', 'docs/tutorials/agents.md'];

export const LAST_IN_A_CLONE = 'docs/tutorials/first-plugin.md';

export const IN_A_CLONE = [...FIRST_IN_A_CLONE, BESIDE_OTHERS, ...MEANWHILE, LAST_IN_A_CLONE];

/** Looked up, not read through: their files are all there, and a host with the three plugins runs, before the first command. */
export const AS_REFERENCE = [
  'docs/reference/workflows.md',
  'docs/reference/agents.md',
  'docs/how-to/find-out-why.md',
  'docs/how-to/call-operations.md',
  'plugins/compute/README.md',
  'plugins/workflow/README.md',
];

/** Followed by tests of their own, which bring what they need. */
export const ELSEWHERE = [
  'docs/how-to/back-up-and-restore.md',
  'docs/how-to/bridge-the-bus.md',
  'docs/how-to/change-a-running-host.md',
  'docs/how-to/choose-a-store.md',
  'docs/how-to/install-outside-a-clone.md',
  'docs/how-to/let-others-in.md',
  'docs/how-to/options-types-and-a-cache.md',
  'docs/how-to/run-as-a-service.md',
  'docs/how-to/supervise-what-you-start.md',
  'docs/how-to/test-a-plugin.md',
  'docs/how-to/use-the-client.md',
];

/** `npx --no-install bellows` without npm, which takes its time each time: the same file that it would start. */
export function readerIn(folder: string, hostMain: string): Promise<Reader> {
  return Reader.create({
    folder,
    prelude: `npx() { if [ "$1 $2" = "--no-install bellows" ]; then shift 2; "${process.execPath}" "${hostMain}" "$@"; else command npx "$@"; fi; }`,
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

/** The same as one piece, for what is followed beside something else. */
export async function followToTheEnd(steps: readonly Step[], arrive: () => Promise<Reader>): Promise<void> {
  const reader = await arrive();
  try {
    for (const step of steps) await reader.follow(step);
  } finally {
    await reader.close();
  }
}

function nameOf({ line, text, marks }: Step): string {
  return `line ${line}: ${marks.file === undefined ? text.split('\n')[0] : `saves ${marks.file}`}`;
}
