import type { ErrorDetail } from '@bellows/sdk';

export interface MarkdownTask {
  /** `issues.md:12` */
  readonly where: string;
  readonly done: boolean;
  /** What follows the box, trimmed. */
  readonly title: string;
  /** What is indented below, without the indentation they share and without blank lines around. */
  readonly body: string;
}

/**
 * The task list items of a Markdown text; those below another one belong to its body, those in fenced code are code. A fault for a fence
 * outside of tasks that is never closed: everything after it would be left out silently.
 */
export function readMarkdownTasks(
  text: string,
  source: string,
): { readonly tasks: readonly MarkdownTask[]; readonly faults: readonly ErrorDetail[] } {
  const tasks: Draft[] = [];
  let task: Draft | null = null;
  let fence: Fence | null = null;
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const blank = line.trim() === '';
    // as in Markdown, a line that is not indented ends the task and a fence in it
    if (task !== null && !blank && indentOf(line) <= task.indent) {
      task = null;
      fence = null;
    }
    const item: RegExpExecArray | null = fence === null && task === null ? TASK.exec(line) : null;
    if (item !== null) {
      task = { where: `${source}:${index + 1}`, indent: indentOf(line), done: item[1] !== ' ', title: (item[2] ?? '').trim(), lines: [] };
      tasks.push(task);
      continue;
    }
    task?.lines.push(line);
    fence = fenceAfter(fence, line, index + 1);
  }
  const unclosed = fence !== null && task === null ? [unclosedFault(source, fence)] : [];
  return { tasks: tasks.map(({ where, done, title, lines }) => ({ where, done, title, body: bodyOf(lines) })), faults: unclosed };
}

interface Draft {
  readonly where: string;
  readonly indent: number;
  readonly done: boolean;
  readonly title: string;
  readonly lines: string[];
}

interface Fence {
  readonly marks: string;
  readonly line: number;
}

const TASK = /^[ \t]*[-*+][ \t]+\[([ xX])\](?:[ \t]+(.*))?$/s;
/** What a tab is worth in Markdown. */
const TAB_COLUMNS = 4;

function fenceAfter(fence: Fence | null, line: string, number: number): Fence | null {
  const [, marks = '', rest = ''] = /^[ \t]*(`{3,}|~{3,})(.*)$/s.exec(line) ?? [];
  if (fence === null) return marks === '' || (marks[0] === '`' && rest.includes('`')) ? null : { marks, line: number };
  const closes = marks[0] === fence.marks[0] && marks.length >= fence.marks.length && rest.trim() === '';
  return closes ? null : fence;
}

function indentOf(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === ' ') columns += 1;
    else if (character === '\t') columns += TAB_COLUMNS - (columns % TAB_COLUMNS);
    else break;
  }
  return columns;
}

function bodyOf(lines: readonly string[]): string {
  const shared = lines.reduce((least, line) => (line.trim() === '' ? least : Math.min(least, indentOf(line))), Number.POSITIVE_INFINITY);
  const body = lines.map((line) => (line.trim() === '' ? '' : withoutIndent(line, shared)));
  const first = body.findIndex((line) => line !== '');
  return first < 0 ? '' : body.slice(first, body.findLastIndex((line) => line !== '') + 1).join('\n');
}

/** Tabs behind the indentation stay: code may need them. One that reaches across becomes the spaces that are left of it. */
function withoutIndent(line: string, indent: number): string {
  let at = 0;
  let columns = 0;
  for (; columns < indent; at++) columns += line[at] === '\t' ? TAB_COLUMNS - (columns % TAB_COLUMNS) : 1;
  return ' '.repeat(columns - indent) + line.slice(at);
}

function unclosedFault(source: string, fence: Fence): ErrorDetail {
  return {
    path: `${source}:${fence.line}`,
    message: 'the code block that begins here never ends, so nothing after it is read',
    suggestion: fence.marks,
  };
}
