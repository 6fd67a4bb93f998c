/** What the page reads of the answers of operations. A plugin may answer more; what is missing here shows as unknown. */

export interface FailureShape {
  readonly code: string;
  readonly message: string;
  readonly stage?: string;
}

export type WaitShape =
  | { readonly kind: 'signal'; readonly name: string }
  | { readonly kind: 'timer' | 'retry'; readonly dueAt: number }
  | { readonly kind: 'run'; readonly id: string };

export interface RunItem {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly status: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt?: number;
  readonly error?: FailureShape;
}

export interface RunList {
  readonly items: readonly RunItem[];
  readonly cursor?: string;
}

export interface CompensationShape {
  readonly status: string;
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly error?: FailureShape;
}

export interface StageShape {
  readonly name: string;
  readonly dependsOn?: readonly string[];
  readonly status: string;
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly output?: unknown;
  readonly outputBytes?: number;
  readonly waitsFor?: WaitShape;
  readonly error?: FailureShape;
  readonly compensation?: CompensationShape;
}

export interface RunShape {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly status: string;
  readonly input: unknown;
  readonly output?: unknown;
  readonly error?: FailureShape;
  readonly stages: readonly StageShape[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly endedAt?: number;
}

export interface RunHistory {
  readonly events: readonly {
    readonly seq: number;
    readonly type: string;
    readonly at: number;
    readonly stage?: string;
    readonly attempt?: number;
    readonly data?: unknown;
  }[];
  readonly next?: number;
}

export interface JobItem {
  readonly id: string;
  readonly status: string;
  readonly repo: string;
  readonly branch: string;
  readonly issues: number;
  readonly landed: number;
  readonly failed: number;
  readonly createdAt: number;
  readonly endedAt: number | null;
}

export interface JobList {
  readonly items: readonly JobItem[];
  readonly cursor?: string;
}

export interface IssueShape {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly attempts: number;
  readonly commit?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly log?: string;
  readonly verifyLog?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
}

export interface JobShape {
  readonly id: string;
  readonly status: string;
  readonly repo: string;
  readonly branch: string;
  readonly issues: readonly IssueShape[];
  readonly landed: readonly { readonly issue: string; readonly commit: string }[];
  readonly warnings: readonly string[];
  readonly createdAt: number;
  readonly endedAt?: number;
}

export interface HarnessMetrics {
  readonly currentWorkers: number;
  readonly activeWorkers: number;
  readonly idleWorkers: number;
  readonly stalledWorkers: number;
  readonly queueDepth: number;
  readonly mergeQueueDepth: number;
  readonly throughputPerMinute: number;
  readonly p95SessionDurationMs: number;
  readonly successRate: number;
  readonly totalSessionsCompleted: number;
  readonly totalSessionsFailed: number;
  readonly health: string;
  readonly healthReason: string;
  readonly runningJobs: number;
  readonly workers: { readonly limit: number; readonly limitedBy: string; readonly reason: string };
}

export interface ModuleItem {
  readonly name: string;
  readonly hash: string;
  readonly bytes: number;
  readonly kind: string;
  readonly calls: number;
}

export interface ModuleShape extends ModuleItem {
  readonly config: Readonly<Record<string, unknown>>;
  readonly exports: readonly unknown[];
  readonly imports: readonly unknown[];
  readonly pool: {
    readonly size: number;
    readonly warm: number;
    readonly hits: number;
    readonly misses: number;
    readonly overflow: number;
  };
  readonly lastErrors: readonly { readonly code: string; readonly message: string; readonly at: number }[];
}

export interface OperationItem {
  readonly name: string;
  readonly plugin: string;
  readonly summary: string;
  readonly role: string;
  readonly runsCommands: boolean;
  readonly effort: string;
}
