import type { PlannedText } from './plan-work.js';
import { GitFailure, type GitSurroundings, runGit } from './run-git.js';

export interface ReadText extends PlannedText {
  readonly bytes: Buffer;
}

/** So many at once: enough that starting git does not matter, few enough for the memory. */
const BATCH = 60;
const NUL = 0;

export interface ReadOptions {
  /** Whose objects are read. */
  readonly folder: string;
  /** Larger ones are passed over. */
  readonly mostBytes: number;
}

/**
 * Reads texts from the objects of a repository, in their order. Those that are larger than `mostBytes`, or hold a NUL and are no texts
 * after all, are passed over.
 */
export async function* readTexts(options: ReadOptions, texts: readonly PlannedText[], git: GitSurroundings): AsyncGenerator<ReadText> {
  const small = await smallOnes(options, texts, git);
  let next = readBatch(options, small.slice(0, BATCH), git);
  for (let at = BATCH; ; at += BATCH) {
    const some = await next;
    const isLast = at >= small.length;
    // read ahead: whoever takes the texts must not wait for git after each batch
    if (!isLast) next = readBatch(options, small.slice(at, at + BATCH), git);
    // it may fail long before it is awaited
    next.catch(() => {});
    yield* some;
    if (isLast) return;
  }
}

async function smallOnes(
  { folder, mostBytes }: ReadOptions,
  texts: readonly PlannedText[],
  git: GitSurroundings,
): Promise<readonly PlannedText[]> {
  const output = await runGit({ folder, args: ['cat-file', '--batch-check=%(objecttype) %(objectsize)'], input: idLines(texts) }, git);
  const lines = output.toString().split('\n');
  return texts.filter((_text, index) => {
    const [, bytes] = /^blob (\d+)$/.exec(lines[index] ?? '') ?? [];
    return bytes !== undefined && Number(bytes) <= mostBytes;
  });
}

async function readBatch({ folder }: ReadOptions, texts: readonly PlannedText[], git: GitSurroundings): Promise<readonly ReadText[]> {
  if (texts.length === 0) return [];
  const output = await runGit({ folder, args: ['cat-file', '--batch'], input: idLines(texts) }, git);
  const blobs = blobsOf(output, texts.length);
  return texts.flatMap((text, index) => {
    const bytes = blobs[index];
    return bytes === undefined || bytes.includes(NUL) ? [] : [{ ...text, bytes }];
  });
}

function idLines(texts: readonly PlannedText[]): string {
  return texts.map(({ blob }) => `${blob}\n`).join('');
}

/** `<id> blob <bytes>`, a line end, the bytes, a line end; again and again. */
function blobsOf(output: Buffer, count: number): readonly Buffer[] {
  const blobs: Buffer[] = [];
  for (let at = 0; blobs.length < count; ) {
    const lineEnd = output.indexOf('\n', at);
    const [, bytes] = /^[0-9a-f]+ blob (\d+)$/.exec(output.toString('latin1', at, lineEnd)) ?? [];
    if (lineEnd < 0 || bytes === undefined) throw new GitFailure('git cat-file answered something else than was asked for');
    const end = lineEnd + 1 + Number(bytes);
    blobs.push(output.subarray(lineEnd + 1, end));
    at = end + 1;
  }
  return blobs;
}
