import type { ErrorDetail } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { Issue } from './job-records.js';

/** Rejects lists that would take the scheduler minutes to look at. */
export const MAX_ISSUES = 10_000;
/** Of a file, or of all titles and bodies together. */
export const MAX_ISSUES_BYTES = 4 * 1024 * 1024;

/** Throws `ISSUES_INVALID` with every fault of issues given as JSON: ids, titles, dependencies, cycles, number and size. */
export function checkIssues(issues: readonly Issue[], source = 'issues'): void {
  if (issues.length > MAX_ISSUES) throw issuesInvalid(source, [tooMany(source, issues.length)]);
  const bytes = issues.reduce((sum, issue) => sum + Buffer.byteLength(issue.title) + Buffer.byteLength(issue.body), 0);
  if (bytes > MAX_ISSUES_BYTES) throw issuesInvalid(source, [tooLarge(source, bytes)]);
  const located = issues.map((issue, index) => ({ issue, where: `${source}[${index}]` }));
  const faults = issueFaults(located, source);
  if (faults.length > 0) throw issuesInvalid(source, faults);
}

export interface LocatedIssue {
  readonly issue: Issue;
  /** For `details`: `issues.md:12` or `issues[3]`. */
  readonly where: string;
}

/** Every fault of a whole list, in its order. */
export function issueFaults(located: readonly LocatedIssue[], source: string): readonly ErrorDetail[] {
  if (located.length === 0) return [{ path: source, message: 'there is no open issue', suggestion: '- [ ] what to do {#an-id}' }];
  const byId = new Map<string, LocatedIssue>();
  const faults: ErrorDetail[] = [];
  for (const one of located) {
    const { id, title } = one.issue;
    const fault = (message: string) => faults.push({ path: one.where, message });
    if (!ISSUE_ID.test(id))
      fault(`${shown(id)} is no id: use letters, digits, ".", "_" and "-", at most 100, the first a letter, digit or "_"`);
    if (title.trim() === '') fault('the issue has no title');
    if (!Number.isFinite(one.issue.priority)) fault('the priority is no number');
    const first = byId.get(id);
    if (first === undefined) byId.set(id, one);
    else fault(`the id ${shown(id)} is taken by ${first.where}`);
  }
  for (const { issue, where } of located) {
    for (const id of issue.dependsOn.filter((id) => !byId.has(id))) {
      faults.push({ path: where, message: `it comes after ${shown(id)}, and there is no issue of this id` });
    }
  }
  return [...faults, ...cycleFaults(byId)];
}

export const ISSUE_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

export function issuesInvalid(source: string, faults: readonly ErrorDetail[]) {
  const more = faults.length - MAX_FAULTS;
  const details = faults.slice(0, MAX_FAULTS);
  if (more > 0) details.push({ path: source, message: `and ${more} more` });
  const first = faults[0];
  const rest = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return harnessError('ISSUES_INVALID', `The issues of ${source} are faulty: ${first?.path}: ${first?.message}${rest}`, { details });
}

export function tooMany(source: string, count: number): ErrorDetail {
  return { path: source, message: `there are ${count} issues, at most ${MAX_ISSUES} are allowed: give them to several jobs` };
}

export function tooLarge(source: string, bytes: number): ErrorDetail {
  return {
    path: source,
    message: `the issues are ${bytes} bytes long, at most ${MAX_ISSUES_BYTES} are allowed: give them to several jobs`,
  };
}

const MAX_FAULTS = 100;
const MAX_SHOWN_IN_CYCLE = 20;

/** One fault for each cycle that is found when every issue is followed once; no issue is named twice. */
function cycleFaults(byId: ReadonlyMap<string, LocatedIssue>): readonly ErrorDetail[] {
  const stuck = idsOnOrBehindCycles(byId);
  const seen = new Set<string>();
  const faults: ErrorDetail[] = [];
  for (const start of stuck) {
    const trail: string[] = [];
    const onTrail = new Map<string, number>();
    let id: string | undefined = start;
    // each stuck issue waits for a stuck one, so this ends on the trail itself or on an earlier one
    while (id !== undefined && !seen.has(id)) {
      seen.add(id);
      onTrail.set(id, trail.push(id) - 1);
      id = byId.get(id)?.issue.dependsOn.find((next) => stuck.has(next));
    }
    const from = id === undefined ? undefined : onTrail.get(id);
    if (from !== undefined) faults.push(cycleFault(byId, trail.slice(from)));
  }
  return faults;
}

function cycleFault(byId: ReadonlyMap<string, LocatedIssue>, cycle: readonly string[]): ErrorDetail {
  const [first = ''] = cycle;
  const more = cycle.length > MAX_SHOWN_IN_CYCLE ? [`… ${cycle.length - MAX_SHOWN_IN_CYCLE} more …`] : [];
  const names = [...cycle.slice(0, MAX_SHOWN_IN_CYCLE), ...more, first];
  return { path: byId.get(first)?.where ?? '', message: `these wait for each other: ${names.join(' → ')}` };
}

/** What is left when issues without open dependencies are taken away again and again. */
function idsOnOrBehindCycles(byId: ReadonlyMap<string, LocatedIssue>): ReadonlySet<string> {
  const open = new Map<string, number>();
  const waiting = new Map<string, string[]>([...byId.keys()].map((id) => [id, []]));
  for (const [id, { issue }] of byId) {
    const known = [...new Set(issue.dependsOn)].filter((one) => byId.has(one));
    open.set(id, known.length);
    for (const one of known) waiting.get(one)?.push(id);
  }
  const free = [...open].filter(([, count]) => count === 0).map(([id]) => id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    open.delete(id);
    for (const one of waiting.get(id) ?? []) {
      const count = (open.get(one) ?? 0) - 1;
      open.set(one, count);
      if (count === 0) free.push(one);
    }
  }
  return new Set(open.keys());
}

function shown(id: string): string {
  return JSON.stringify(id.length > 100 ? `${id.slice(0, 100)}…` : id);
}
