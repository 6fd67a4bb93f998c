import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AttemptFailure, Issue } from './job-records.js';

export interface IssueForAgent {
  readonly issue: Issue;
  /** 1 is the first. */
  readonly attempt: number;
  readonly lastFailure: AttemptFailure | null;
  readonly workspace: string;
}

/**
 * Writes what an agent is told into `folder`, which lies outside of the workspace so that nothing of it is committed, and answers the
 * environment that names it:
 *
 * - `BELLOWS_ISSUE_FILE`: JSON `{ id, title, body, attempt, lastFailure }`
 * - `BELLOWS_ISSUE_TEXT`: the same in Markdown, to be handed to a model as it is
 * - `BELLOWS_LAST_FAILURE`: why the attempt before failed; only from the second attempt on
 * - `BELLOWS_ISSUE_ID`, `BELLOWS_WORKSPACE`
 */
export async function writeIssueFiles(folder: string, given: IssueForAgent): Promise<Readonly<Record<string, string>>> {
  const { issue, attempt, lastFailure, workspace } = given;
  const { id, title, body } = issue;
  const file = (name: string) => path.join(folder, name);
  await mkdir(folder, { recursive: true });
  await writeFile(file('issue.json'), `${JSON.stringify({ id, title, body, attempt, lastFailure }, null, 2)}\n`);
  await writeFile(file('issue.md'), markdown(given));
  if (lastFailure !== null) await writeFile(file('last-failure.txt'), `${lastFailure.reason}\n${lastFailure.message}\n`);
  return {
    BELLOWS_ISSUE_ID: id,
    BELLOWS_ISSUE_FILE: file('issue.json'),
    BELLOWS_ISSUE_TEXT: file('issue.md'),
    BELLOWS_WORKSPACE: workspace,
    ...(lastFailure === null ? {} : { BELLOWS_LAST_FAILURE: file('last-failure.txt') }),
  };
}

/** Silent when there are none. */
export async function removeIssueFiles(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

function markdown({ issue, attempt, lastFailure }: IssueForAgent): string {
  const parts = [`# ${issue.title}`, issue.body.trim()];
  if (lastFailure !== null) {
    parts.push(`## Attempt ${attempt - 1} failed: ${lastFailure.reason}`, fenced(lastFailure.message));
  }
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** A fence longer than any in the text, so that output of a failed test cannot end it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
