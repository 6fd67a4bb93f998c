import path from 'node:path/posix';
import type { DemoLimits } from './demo-limits.js';
import type { Commit, TreeFile } from './repository-log.js';

/** A text to count: of the last commit, or an earlier version of it. */
export interface PlannedText {
  readonly blob: string;
  readonly path: string;
}

export interface PlannedFolder {
  /** Names the issue. */
  readonly id: string;
  /** The file that the agent writes. */
  readonly index: string;
  readonly files: readonly string[];
}

export interface WorkPlan {
  readonly texts: readonly PlannedText[];
  readonly versions: readonly PlannedText[];
  readonly commits: readonly Commit[];
  readonly folders: readonly PlannedFolder[];
  /** What there is in all, of which the above is a part. */
  readonly found: { readonly texts: number; readonly versions: number; readonly folders: number };
}

const MARKDOWN = /\.(md|markdown)$/i;
const TEXT =
  /\.(txt|rst|adoc|org|tex|ts|mts|cts|tsx|js|mjs|cjs|jsx|py|rb|go|rs|java|kt|scala|c|h|cc|cpp|hpp|cs|swift|php|pl|lua|sh|bash|zsh|sql|html|css|scss|xml|json|ya?ml|toml|ini|cfg|proto|ex|exs|erl|hs|ml|clj|el|vim|r|jl|dart|zig|nix)$/i;
const NAMED_TEXT = /(^|\/)(README|LICEN[CS]E|COPYING|AUTHORS|CHANGES|CHANGELOG|NEWS|NOTICE|Makefile|Dockerfile)$/;
/** The issue of an agent has a line for each file, and an index a link. */
const UNUSABLE_IN_ISSUE = /[\p{Cc}<>"\\]/u;

/**
 * Chooses what is worked on. Markdown comes first, then other texts; of equals the order of the paths decides, so that the same
 * repository gives the same plan.
 */
export function planWork(tree: readonly TreeFile[], commits: readonly Commit[], limits: DemoLimits): WorkPlan {
  const readable = tree.filter((file) => isText(file.path) && file.bytes > 0 && file.bytes <= limits.textBytes).sort(markdownFirst);
  const texts = upTo(readable.slice(0, limits.texts), limits.allTextBytes);
  const versions = earlierVersions(commits, new Set(tree.map(({ blob }) => blob)));
  const folders = foldersOf(texts, tree, limits);
  return {
    texts,
    versions: versions.slice(0, limits.versions),
    commits: commits.slice(0, limits.commits),
    folders: folders.slice(0, limits.folders),
    found: { texts: readable.length, versions: versions.length, folders: folders.length },
  };
}

/** Without files that turned out to be no texts when they were read: `real` are the paths of the others. */
export function onlyReal(plan: WorkPlan, real: ReadonlySet<string>): WorkPlan {
  const folders = plan.folders.map((folder) => ({ ...folder, files: folder.files.filter((file) => real.has(file)) }));
  return {
    ...plan,
    texts: plan.texts.filter((text) => real.has(text.path)),
    folders: folders.filter(({ files }) => files.length > 0),
  };
}

function isText(file: string): boolean {
  return MARKDOWN.test(file) || TEXT.test(file) || NAMED_TEXT.test(file);
}

function markdownFirst(a: TreeFile, b: TreeFile): number {
  return Number(MARKDOWN.test(b.path)) - Number(MARKDOWN.test(a.path)) || compare(a.path, b.path);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function upTo(files: readonly TreeFile[], mostBytes: number): readonly TreeFile[] {
  let left = mostBytes;
  return files.filter(({ bytes }) => {
    left -= bytes;
    return left >= 0;
  });
}

/** Newest first, each once, without what the last commit still has. */
function earlierVersions(commits: readonly Commit[], current: ReadonlySet<string>): readonly PlannedText[] {
  const found = new Map<string, PlannedText>();
  for (const { blob, path: file } of commits.flatMap(({ changes }) => changes)) {
    if (!current.has(blob) && !found.has(blob) && isText(file)) found.set(blob, { blob, path: file });
  }
  return [...found.values()];
}

/** Those with the most Markdown first, then those with the most texts. */
function foldersOf(texts: readonly PlannedText[], tree: readonly TreeFile[], limits: DemoLimits): readonly PlannedFolder[] {
  const usable = texts.map((text) => text.path).filter((file) => !UNUSABLE_IN_ISSUE.test(file));
  const byFolder = Map.groupBy(usable, (file) => path.dirname(file));
  const markdowns = (files: readonly string[]) => files.filter((file) => MARKDOWN.test(file)).length;
  const name = freeName(tree, byFolder);
  return [...byFolder]
    .map(([folder, files]) => [folder, files.slice(0, limits.filesInFolder)] as const)
    .sort(([a, aFiles], [b, bFiles]) => markdowns(bFiles) - markdowns(aFiles) || bFiles.length - aFiles.length || compare(a, b))
    .map(([folder, files], index) => ({ id: `index-${index + 1}`, index: path.join(folder, name), files }));
}

/** The same for all folders, and new in each of them, also where the file system takes upper and lower case for the same. */
function freeName(tree: readonly TreeFile[], folders: ReadonlyMap<string, unknown>): string {
  const beside = tree.filter((file) => folders.has(path.dirname(file.path)));
  const taken = new Set(beside.map((file) => path.basename(file.path).toLowerCase()));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? 'INDEX.md' : `INDEX-${number}.md`;
    if (!taken.has(name.toLowerCase())) return name;
  }
}
