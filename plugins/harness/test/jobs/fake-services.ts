import type { ServiceOverrides } from '../../src/jobs/harness-services.js';
import type {
  CommandEnd,
  CommandSpec,
  EndCause,
  ICommand,
  ICommands,
  IRepository,
  LandingRequest,
  LandingResult,
} from '../../src/jobs/session-contracts.js';
import type { Evidence } from '../../src/scaling/judge-stall.js';

/** A command that ends when the test says so. */
export class FakeCommand implements ICommand {
  readonly identity = { pid: 1, startedAt: 'then' };
  readonly ended: Promise<CommandEnd>;
  readonly causes: EndCause[] = [];
  now: Evidence = { progressAgeMs: 0, lifeAgeMs: 0 };
  /** The kernel holds it: asking it to end does nothing. */
  stuck = false;
  #resolve!: (end: CommandEnd) => void;

  constructor(readonly spec: CommandSpec) {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get issueId(): string {
    return this.spec.env.BELLOWS_ISSUE_ID ?? 'verification';
  }

  async evidence(): Promise<Evidence> {
    return this.now;
  }

  async end(cause: Exclude<EndCause, 'exit'>): Promise<void> {
    this.causes.push(cause);
    if (this.stuck) await this.ended;
    this.#finish(cause, null);
  }

  exit(code = 0): void {
    this.#finish('exit', code);
  }

  #finish(cause: EndCause, exitCode: number | null): void {
    this.#resolve({ cause, exitCode, signal: exitCode === null ? 'SIGTERM' : null, durationMs: 1, tail: '' });
  }
}

export class FakeCommands implements ICommands {
  readonly agents: FakeCommand[] = [];
  readonly verifications: FakeCommand[] = [];
  readonly orphans: string[] = [];
  verificationsWait = false;

  async start(spec: CommandSpec): Promise<ICommand> {
    const command = new FakeCommand(spec);
    const isAgent = spec.env.BELLOWS_ISSUE_ID !== undefined;
    (isAgent ? this.agents : this.verifications).push(command);
    if (!isAgent && !this.verificationsWait) command.exit();
    return command;
  }

  async endOrphan(_identity: unknown, sessionId: string): Promise<number> {
    this.orphans.push(sessionId);
    return 0;
  }

  /** The latest agent of an issue. */
  agentOf(issueId: string): FakeCommand {
    const agent = this.agents.findLast((command) => command.issueId === issueId);
    if (agent === undefined) throw new Error(`no agent works on ${issueId}`);
    return agent;
  }
}

const REPOSITORY: IRepository = {
  path: '/repo',
  commonDir: '/repo/.git',
  commitOf: async () => 'base',
  ensureBranch: async () => 'base',
  checkedOutAt: async () => null,
  changedFiles: async () => [],
  removeBranch: async () => false,
};

/** Git that always works, and commands that the test ends. */
export function fakeServices() {
  const commands = new FakeCommands();
  const landed: string[] = [];
  const workspaces = new Set<string>();
  const claims: string[] = [];
  /** Trees by the name of the workspace. */
  const trees = { of: (name: string) => `tree-${name}` };
  const repository = { open: async () => REPOSITORY };
  const land = async (request: LandingRequest): Promise<LandingResult> => {
    const commit = `merge-${request.workspace.name}`;
    await request.onCandidate(commit);
    landed.push(commit);
    return { outcome: 'landed', commit };
  };
  const services = {
    commands,
    workspaces: {
      create: async (_repository, { name, base }) => {
        workspaces.add(name);
        return { path: `/workspaces/${name}`, name, base };
      },
      inspect: async ({ name }) => ({ commit: `work-${name}`, tree: trees.of(name), uncommitted: [] }),
      reset: async () => {},
      remove: async (_repository, { name }) => {
        workspaces.delete(name);
      },
      sweep: async () => {
        const names = [...workspaces];
        workspaces.clear();
        return names;
      },
    },
    landing: { land, hasLanded: async (_repository, _branch, commit) => landed.includes(commit) },
    claims: {
      claim: async (_repository, branch) => {
        claims.push(`+${branch}`);
        return {
          release: async () => {
            claims.push(`-${branch}`);
          },
        };
      },
    },
    cores: 2,
    display: () => {},
    openRepository: () => repository.open(),
    programFault: async () => null,
    progressOf: async () => ({ files: [] }),
  } satisfies ServiceOverrides;
  return { commands, landed, workspaces, claims, trees, repository, services };
}
