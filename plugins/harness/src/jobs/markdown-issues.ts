import type { ErrorDetail } from '@bellows/sdk';
import {
  ISSUE_ID,
  issueFaults,
  issuesInvalid,
  type LocatedIssue,
  MAX_ISSUES,
  MAX_ISSUES_BYTES,
  tooLarge,
  tooMany,
} from './check-issues.js';
import type { Issue } from './job-records.js';
import { type MarkdownTask, readMarkdownTasks } from './markdown-tasks.js';

export interface MarkdownSource {
  /** Names the text in faults: `issues.md`. */
  readonly source: string;
}

/**
 * The open issues of a Markdown list, in its order. Every line `- [ ] title {#id after:#x after:#y priority:5}` is one; `*` and `+` do as well,
 * and what stands in braces may be left out. What is indented below is its body, tasks among it too. An issue without id gets one from
 * its title. `[x]` is done: it is left out, and what comes after it need not wait.
 *
 * Throws `ISSUES_INVALID` with all faults, each with its line.
 */
export function readMarkdownIssues(text: string, { source }: MarkdownSource): readonly Issue[] {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_ISSUES_BYTES) throw issuesInvalid(source, [tooLarge(source, bytes)]);
  const { tasks, faults: unclosed } = readMarkdownTasks(text, source);
  if (tasks.length > MAX_ISSUES) throw issuesInvalid(source, [tooMany(source, tasks.length)]);
  const drafts = tasks.map(draftOf);
  giveIds(drafts);
  const located = drafts.map(({ task, ...draft }): LocatedIssue & { readonly done: boolean } => {
    const issue = { id: draft.id, title: draft.title, body: task.body, dependsOn: draft.after, priority: draft.priority };
    return { issue, where: task.where, done: task.done };
  });
  const done = new Set(located.filter((one) => one.done).map(({ issue }) => issue.id));
  const open = located.filter((one) => !one.done).map((one) => ({ ...one, issue: withoutDone(one.issue, done) }));
  const faults = [...unclosed, ...drafts.flatMap((draft) => draft.faults), ...doubledDone(located), ...issueFaults(open, source)];
  if (faults.length > 0) throw issuesInvalid(source, faults);
  return open.map(({ issue }) => issue);
}

interface Draft {
  readonly task: MarkdownTask;
  readonly title: string;
  /** Empty until `giveIds` when the list gives none. */
  id: string;
  readonly after: readonly string[];
  readonly priority: number;
  readonly faults: readonly ErrorDetail[];
}

const MAX_PRIORITY = 1_000_000;
const MAX_SLUG_LENGTH = 50;

function draftOf(task: MarkdownTask): Draft {
  const { title, words } = splitTitle(task.title);
  const faults: ErrorDetail[] = [];
  const after = new Set<string>();
  let id = '';
  let priority = 0;
  for (const word of words) {
    const [, key = '', value = ''] = /^(#|after:#?|priority:)(.*)$/.exec(word) ?? [];
    if (key === '#' && value !== '' && id === '') id = value;
    else if (key.startsWith('after:') && ISSUE_ID.test(value)) after.add(value);
    else if (key === 'priority:' && /^-?\d+$/.test(value) && Math.abs(Number(value)) <= MAX_PRIORITY) priority = Number(value);
    else
      faults.push({
        path: task.where,
        message: `${JSON.stringify(word.slice(0, 100))} means nothing here`,
        suggestion: '{#id after:#id priority:5}',
      });
  }
  return { task, title, id, after: [...after], priority, faults };
}

/** Braces at the end that begin with something known are attributes; others belong to the title. */
function splitTitle(text: string): { readonly title: string; readonly words: readonly string[] } {
  const open = text.endsWith('}') ? text.lastIndexOf('{') : -1;
  const inside = open < 0 ? '' : text.slice(open + 1, -1).trim();
  if (!/^(#|after:|priority:)/.test(inside)) return { title: text, words: [] };
  return { title: text.slice(0, open).trim(), words: inside.split(/\s+/) };
}

/** Those that were given first, so that none of them is taken. */
function giveIds(drafts: readonly Draft[]): void {
  const taken = new Set(drafts.map((draft) => draft.id));
  const lastNumber = new Map<string, number>();
  for (const draft of drafts.filter((one) => one.id === '')) {
    const slug = slugOf(draft.title);
    let id = slug;
    let number = lastNumber.get(slug) ?? 1;
    while (taken.has(id)) id = `${slug}-${++number}`;
    lastNumber.set(slug, number);
    taken.add(id);
    draft.id = id;
  }
}

function slugOf(title: string): string {
  const ascii = title.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const slug = ascii.replace(/[^a-z0-9]+/g, '-').slice(0, MAX_SLUG_LENGTH);
  return slug.replace(/^-|-$/g, '') || 'issue';
}

function withoutDone(issue: Issue, done: ReadonlySet<string>): Issue {
  return { ...issue, dependsOn: issue.dependsOn.filter((id) => !done.has(id)) };
}

/** Where a done issue and another one have the same id: `after` could mean either. */
function doubledDone(located: readonly (LocatedIssue & { readonly done: boolean })[]): readonly ErrorDetail[] {
  const first = new Map<string, LocatedIssue & { readonly done: boolean }>();
  return located.flatMap((one) => {
    const other = first.get(one.issue.id);
    if (other === undefined) first.set(one.issue.id, one);
    if (other === undefined || (!one.done && !other.done)) return [];
    return [{ path: one.where, message: `the id ${JSON.stringify(one.issue.id.slice(0, 100))} is taken by ${other.where}` }];
  });
}
