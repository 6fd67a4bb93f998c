import type { CallAuthority } from '@bellows/sdk';

export interface Issue {
  /** Unique within the job: letters, digits, `.`, `_`, `-`. */
  readonly id: string;
  readonly title: string;
  readonly body: string;
  /** Ids of issues that must have landed first. */
  readonly dependsOn: readonly string[];
  /** Higher goes first. Default 0. */
  readonly priority: number;
}

/** What `harness.start` asked for, checked and with defaults. */
export interface JobSpec {
  readonly id: string;
  /** Top folder of the repository: absolute, links resolved. */
  readonly repo: string;
  /** Verified work lands here. */
  readonly branch: string;
  /** The commit the job made `branch` at; missing when it was there before. */
  readonly branchMadeAt?: string;
  /** Whether `branch` may be one that somebody has checked out. */
  readonly landOnCheckedOut: boolean;
  readonly issues: readonly Issue[];
  readonly agent: { readonly driver: 'plain'; readonly command: readonly string[] };
  /** argv, run in the workspace; exit 0 is verified. */
  readonly verify: readonly string[];
  readonly maxWorkers: number | null;
  readonly tenant: string;
  readonly user: string;
  readonly authority: CallAuthority;
}

/** `completed`: every issue landed; `partial`: some did; `failed`: none did. */
export const JOB_STATUSES = ['running', 'completed', 'partial', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** `blocked`: waits for issues it depends on. `ready`: waits for a worker. */
export const ISSUE_STATUSES = ['blocked', 'ready', 'working', 'verifying', 'landing', 'landed', 'failed', 'cancelled'] as const;
export type IssueStatus = (typeof ISSUE_STATUSES)[number];

/** Why an attempt did not land; the code of `failed[].reason`. */
export const FAILURE_REASONS = [
  'agent_failed',
  'agent_not_started',
  'no_commit',
  'stalled',
  'timed_out',
  'verification_failed',
  'conflict',
  'landing_failed',
  'workspace_failed',
  'dependency_failed',
  'cancelled',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

export interface AttemptFailure {
  readonly reason: FailureReason;
  /** For people: what happened, with exit code, the last lines of output, the conflicting files. */
  readonly message: string;
}
