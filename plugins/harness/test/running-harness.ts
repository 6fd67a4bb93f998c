import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BellowsError } from '@bellows/sdk';

const run = promisify(execFile);

export const STUB_AGENT = fileURLToPath(new URL('../stub-agent/stub-agent.sh', import.meta.url));
export const STUB_VERIFY = fileURLToPath(new URL('../stub-agent/verify.sh', import.meta.url));

/** A folder that goes away with the test. */
export async function scratchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bellows-harness-'));
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** A repository with one commit below `parent`. */
export async function makeRepository(parent: string, name = 'repo'): Promise<string> {
  const repo = path.join(parent, name);
  await mkdir(repo, { recursive: true });
  await git(repo, 'init', '--quiet', '--initial-branch=main');
  await writeFile(path.join(repo, 'README.md'), 'a repository\n');
  await git(repo, 'add', '.');
  await git(repo, 'commit', '--quiet', '-m', 'first');
  return repo;
}

export async function git(repo: string, ...args: readonly string[]): Promise<string> {
  const own = ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', '-c', 'commit.gpgSign=false'];
  const { stdout } = await run('git', ['-C', repo, ...own, ...args]);
  return stdout.trim();
}

/** An issue for the stub agent: `words` say what it does. */
export function stubIssue(id: string, words = 'ok', more: { readonly dependsOn?: readonly string[]; readonly priority?: number } = {}) {
  return { id, title: `Do ${id}`, body: `stub: ${words}`, dependsOn: [...(more.dependsOn ?? [])], priority: more.priority ?? 0 };
}

/** What a promise rejects with; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<BellowsError> {
  try {
    await promise;
  } catch (error) {
    return error as BellowsError;
  }
  throw new Error('it should have been rejected');
}

/** Waits for a state that others bring about. Gives up before the test does, so that nothing is left running. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 50_000;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`it did not come about: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
