import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type CallAuthority, type IRandom, messageOf, z } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import { checkIssues, issuesInvalid, MAX_ISSUES_BYTES } from './check-issues.js';
import type { Issue } from './job-records.js';
import { readMarkdownIssues } from './markdown-issues.js';

/** Every string without NUL: none can be handed to a process with it. */
const textSchema = z.string().regex(/^[^\0]*$/, 'it must not hold a NUL character');
const commandSchema = z
  .array(textSchema)
  .min(1)
  .max(1_000)
  .refine(([program]) => program !== '', 'the program must not be empty');

export const issueInputSchema = z.strictObject({
  id: z.string().min(1).describe('Letters, digits, ".", "_" and "-"'),
  title: textSchema.min(1),
  body: textSchema.default(''),
  dependsOn: z.array(z.string()).default([]).describe('Ids of issues that must have landed first'),
  priority: z.number().default(0).describe('Higher goes first'),
});

export const jobIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/, 'use 1 to 80 letters, digits, "_" or "-", beginning with a letter or digit');

export const jobRequestSchema = z.strictObject({
  repo: textSchema.min(1).describe('Folder of the repository; absolute, or relative to the folder of the configuration'),
  branch: z.string().min(1).optional().describe('Verified work lands here; made from HEAD when missing. Default: bellows/<id of the job>'),
  issues: z
    .union([z.strictObject({ file: textSchema.min(1) }), z.array(issueInputSchema).min(1)])
    .describe('The issues, or { file }: a Markdown list or a JSON array, relative to the repository'),
  agent: z
    .strictObject({
      driver: z.enum(['plain', 'acp', 'claude', 'codex']).default('plain'),
      command: commandSchema.describe('argv of the agent, run in its workspace'),
    })
    .describe('How an agent is started'),
  verify: commandSchema.describe('argv, run in the workspace; exit 0 is verified'),
  maxWorkers: z.int().min(1).optional().describe('Agents of this job at once'),
  id: jobIdSchema.optional().describe('The same id with the same request is the same job'),
  landOnCheckedOut: z.boolean().default(false).describe('Whether the branch may be one that is checked out'),
});

export type JobRequest = z.input<typeof jobRequestSchema>;
export type CheckedJobRequest = z.output<typeof jobRequestSchema>;

/** On whose behalf a job runs. */
export interface JobCaller {
  readonly tenant: string;
  readonly user: string;
  readonly authority: CallAuthority;
  readonly idempotencyKey?: string;
}

/** With defaults. `JOB_INVALID` with every fault. */
export function checkedRequest(request: JobRequest): CheckedJobRequest {
  const parsed = jobRequestSchema.safeParse(request);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map((issue) => faultOf('job', issue));
  throw harnessError('JOB_INVALID', `This is no job: ${details.map(({ path: at, message }) => `${at}: ${message}`).join('; ')}`, {
    details,
  });
}

/** The id that was given; else one that follows from the idempotency key of the tenant, so that a repeated call finds its job; else a new one. */
export function jobIdFor({ id }: CheckedJobRequest, { tenant, idempotencyKey }: JobCaller, random: IRandom): string {
  if (id !== undefined) return id;
  const source = idempotencyKey === undefined ? `${random.next()} ${random.next()} ${random.next()}` : `${tenant} ${idempotencyKey}`;
  return `job-${sha256(source).slice(0, 20)}`;
}

/** What tells a repeated request from another one. The file of issues counts by its name: its content may have changed meanwhile. */
export function requestHash(request: CheckedJobRequest, repo: string, tenant: string): string {
  return sha256(JSON.stringify([{ ...request, id: null, repo }, tenant]));
}

/** The issues as they are now. `ISSUES_INVALID` with every fault. */
export async function issuesOf({ issues }: CheckedJobRequest, repo: string): Promise<readonly Issue[]> {
  if (Array.isArray(issues)) {
    checkIssues(issues);
    return issues;
  }
  const { file } = issues;
  const text = await readIssues(path.resolve(repo, file), file);
  if (path.extname(file).toLowerCase() !== '.json') return readMarkdownIssues(text, { source: file });
  const parsed = z.array(issueInputSchema).safeParse(jsonOf(text, file));
  if (!parsed.success)
    throw issuesInvalid(
      file,
      parsed.error.issues.map((issue) => faultOf(file, issue)),
    );
  checkIssues(parsed.data, file);
  return parsed.data;
}

async function readIssues(file: string, source: string): Promise<string> {
  try {
    const stats = await stat(file);
    // a device or a pipe has no end, or never begins
    if (!stats.isFile()) throw new Error('it is no file');
    const { size } = stats;
    if (size > MAX_ISSUES_BYTES) throw new Error(`it has ${size} bytes, at most ${MAX_ISSUES_BYTES} are allowed`);
    return await readFile(file, 'utf8');
  } catch (error) {
    throw issuesInvalid(source, [{ path: source, message: `it cannot be read: ${messageOf(error)}` }]);
  }
}

function jsonOf(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw issuesInvalid(source, [{ path: source, message: messageOf(error) }]);
  }
}

function faultOf(source: string, issue: { readonly path: readonly PropertyKey[]; readonly message: string }) {
  const at = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return { path: `${source}${at}`, message: issue.message };
}

/** `FEATURE_UNSUPPORTED` for drivers that are not there. */
export function checkDriver({ agent }: CheckedJobRequest): void {
  if (agent.driver === 'plain') return;
  const message = `The driver ${agent.driver} is not there yet: use "plain" with a command that ends with exit code 0 when its work is committed`;
  throw harnessError('FEATURE_UNSUPPORTED', message);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
