import { ConfigError } from '@bellows/sdk';
import { checkOutFiles } from './clone-files.js';
import type { DemoFolder } from './demo-folder.js';
import type { DemoLimits } from './demo-limits.js';
import { thousands } from './demo-work.js';
import { onlyReal, planWork, type WorkPlan } from './plan-work.js';
import type { ProgressView } from './progress-view.js';
import { readTexts } from './read-blobs.js';
import { LOG_ARGS, parseLog, parseTree, TREE_ARGS } from './repository-log.js';
import { type GitSurroundings, runGit } from './run-git.js';
import { cloneHistory, type SourceRepository } from './source-repository.js';

/** A clone, and what is to be done with it. */
export interface Prepared {
  readonly source: SourceRepository;
  readonly folder: DemoFolder;
  readonly limits: DemoLimits;
  readonly clone: string;
  readonly plan: WorkPlan;
  /** Files of the last commit. */
  readonly fileCount: number;
  /** What is left out, for people. */
  readonly notes: readonly string[];
}

export interface Preparation {
  readonly git: GitSurroundings;
  readonly cwd: string;
  readonly progress: ProgressView;
}

/** The branch that is checked out in the clone. */
const BASE_BRANCH = 'bellows-demo-base';

/** Clones the repository into the folder and chooses the work. Rejects as `cloneHistory` and `DemoFolder.furnish` do, or with `DEMO_REPO_EMPTY`. */
export async function prepareWork(
  { source, folder, limits }: Pick<Prepared, 'source' | 'folder' | 'limits'>,
  { git, cwd, progress }: Preparation,
): Promise<Prepared> {
  await folder.furnish(cwd);
  progress.say(`Cloning ${source.folder} into ${folder.path}`);
  const clone = folder.file('repository');
  await cloneHistory(source, { into: clone, branch: BASE_BRANCH, copiedKib: limits.copiedKib }, git);
  const tree = parseTree(await runGit({ folder: clone, args: [...TREE_ARGS, source.head] }, git));
  const log = await runGit({ folder: clone, args: ['log', `--max-count=${limits.loggedCommits}`, ...LOG_ARGS, source.head] }, git);
  const planned = planWork(tree, parseLog(log), limits);
  const real = new Set<string>();
  for await (const text of readTexts({ folder: clone, mostBytes: limits.textBytes }, planned.texts, git)) real.add(text.path);
  const plan = onlyReal(planned, real);
  if (plan.texts.length === 0) {
    throw new ConfigError(
      'DEMO_REPO_EMPTY',
      `${source.folder} has no text that the demo could work on: name another repository with --repo.`,
    );
  }
  const needed = plan.texts.map((text) => text.path);
  const checkOut = { clone, branch: BASE_BRANCH, needed, fileCount: tree.length, mostFiles: limits.clonedFiles };
  const isPart = await checkOutFiles(checkOut, git);
  const notes = [
    ...(isPart ? [`of ${thousands(tree.length)} files the clone has the ${thousands(needed.length)} that are worked on`] : []),
    ...sourceNotes(source, limits),
    ...taken('texts', plan.texts.length, plan.found.texts),
    ...taken('folders', plan.folders.length, plan.found.folders),
  ];
  for (const note of notes) progress.say(`  ${note}`);
  return { source, folder, limits, clone, plan, fileCount: tree.length, notes };
}

function sourceNotes({ isDirty, isShallow, historyKib }: SourceRepository, { copiedKib }: DemoLimits): readonly string[] {
  return [
    ...(isDirty ? ['changes that are not committed are not seen'] : []),
    ...(isShallow ? ['the repository is a shallow clone: older history is not there'] : []),
    ...(historyKib > copiedKib ? ['the history is large: the clone refers to it instead of copying it'] : []),
  ];
}

function taken(what: string, some: number, all: number): readonly string[] {
  return some < all ? [`of ${thousands(all)} ${what} ${thousands(some)} are worked on`] : [];
}
