import path from 'node:path/posix';
import { countText } from './count-text.js';
import type { MadeFile, PartReport } from './demo-report.js';
import { counted, type DemoWork } from './demo-work.js';
import type { PlannedFolder } from './plan-work.js';
import { GitFailure, runGit } from './run-git.js';

interface RunView {
  readonly status: string;
  readonly error?: { readonly message: string };
  readonly stages: readonly { readonly name: string; readonly status: string; readonly output?: unknown }[];
}

interface Landed {
  readonly issue: string;
  readonly commit: string;
}

interface JobView {
  readonly issues: readonly { readonly status: string; readonly attempts: number }[];
}

/** The branch on which agents land. */
export const LANDING_BRANCH = 'bellows-demo';
const RUN = 'index-folders';
const LOOK_MS = 500;
const OPEN: ReadonlySet<string> = new Set(['queued', 'running', 'waiting', 'paused', 'rolling_back']);
const AT_WORK: ReadonlySet<string> = new Set(['working', 'verifying', 'landing']);

/** The part of agents: one workflow of code, WebAssembly and agents, which waits for an approval that is given after a check. */
export class IndexFolders {
  readonly #work: DemoWork;
  #issues: JobView['issues'] = [];
  #landed: readonly Landed[] = [];
  #files: readonly MadeFile[] = [];
  #checkedRows = 0;
  #problems: readonly string[] = [];
  #seconds = 0;

  constructor(work: DemoWork) {
    this.#work = work;
  }

  get said(): string {
    const count = (isMeant: (status: string) => boolean) => this.#issues.filter(({ status }) => isMeant(status)).length;
    const landed = count((status) => status === 'landed');
    return `${landed} of ${counted(this.#work.plan.folders.length, 'issue')} landed, ${count((status) => AT_WORK.has(status))} at work`;
  }

  /** Resolves when the workflow has ended, however; at once when there is no folder. Once. */
  async run(): Promise<void> {
    const { client, clock, git, folder, clone, plan } = this.#work;
    if (plan.folders.length === 0) return;
    const startedAt = clock.monotonicMs();
    const base = (await runGit({ folder: clone, args: ['rev-parse', 'HEAD'] }, git)).toString().trim();
    const input = {
      repository: clone,
      branch: LANDING_BRANCH,
      folders: plan.folders,
      agent: [folder.file('agent.sh')],
      verify: [folder.file('verify.sh'), base],
      file: folder.file('results', 'AGENTS.md'),
    };
    // before the runs of the commits, so that its agents work at the same time
    await client.call('workflow.start', { name: RUN, id: RUN, input, priority: 1 });
    for (;;) {
      const run = await client.call<RunView>('workflow.get', { id: RUN });
      await this.#look();
      if (!OPEN.has(run.status)) {
        if (run.status !== 'completed')
          this.#problems = [...this.#problems, `the workflow ended as ${run.status}: ${run.error?.message ?? ''}`];
        break;
      }
      if (run.stages.some(({ name, status }) => name === 'approval' && status === 'waiting') && this.#files.length === 0)
        await this.#decide(run);
      await clock.sleep(LOOK_MS, git.signal);
    }
    this.#seconds = (clock.monotonicMs() - startedAt) / 1_000;
  }

  report(): PartReport & { readonly files: readonly MadeFile[] } {
    const { plan } = this.#work;
    const attempts = this.#issues.reduce((sum, issue) => sum + issue.attempts, 0);
    const again = attempts - this.#issues.length;
    return {
      part: 'harness',
      seconds: this.#seconds,
      did:
        plan.folders.length === 0
          ? ['no folder has a file whose name an agent can be given']
          : [
              `${this.#landed.length} of ${counted(plan.folders.length, 'index', 'indexes')} landed, by ${counted(attempts, 'agent')}`,
              `each agent (a script, no model) has a worktree of its own${again > 0 ? `; ${again} had to try again` : ''}`,
            ],
      figures: { issues: plan.folders.length, landed: this.#landed.length, attempts, rows: this.#checkedRows },
      verified:
        this.#problems.length > 0 || this.#landed.length === 0
          ? []
          : [
              'each before it landed, by a command that counts with awk',
              `${counted(this.#checkedRows, 'landed line')}, with the files they name: all the same`,
            ],
      problems: [
        ...this.#problems,
        ...(this.#landed.length < plan.folders.length ? [`${plan.folders.length - this.#landed.length} issues did not land`] : []),
      ],
      files: this.#files,
    };
  }

  async #look(): Promise<void> {
    const { client } = this.#work;
    const { items } = await client.call<{ readonly items: readonly { readonly id: string }[] }>('harness.list', { limit: 1 });
    const [job] = items;
    if (job) this.#issues = (await client.call<JobView>('harness.get', { id: job.id })).issues;
  }

  /** Approves what fits, and cancels what does not, which takes the branch back. */
  async #decide({ stages }: RunView): Promise<void> {
    const { client } = this.#work;
    const { landed = [] } = (stages.find(({ name }) => name === 'write')?.output ?? {}) as { readonly landed?: readonly Landed[] };
    this.#landed = landed;
    const checks = await Promise.all(landed.map((one) => this.#check(one)));
    this.#files = checks.map(({ file }) => file);
    this.#problems = checks.flatMap(({ problems }) => problems);
    if (this.#problems.length === 0) await client.call('workflow.signal', { id: RUN, name: 'approved', payload: { by: 'bellows demo' } });
    else await client.call('workflow.cancel', { id: RUN });
  }

  async #check({ issue, commit }: Landed): Promise<{ readonly file: MadeFile; readonly problems: readonly string[] }> {
    const { clone, git, plan } = this.#work;
    const folder = plan.folders.find(({ id }) => id === issue);
    const index = folder?.index ?? issue;
    const show = (file: string) => runGit({ folder: clone, args: ['cat-file', 'blob', `${LANDING_BRANCH}:${file}`] }, git);
    try {
      const text = await show(index);
      await runGit({ folder: clone, args: ['merge-base', '--is-ancestor', commit, LANDING_BRANCH] }, git);
      const problems = folder ? await this.#rowsThatAreWrong(folder, { text: text.toString(), show }) : [`${issue} was not asked for`];
      return { file: { path: index, bytes: text.byteLength, landed: { branch: LANDING_BRANCH, commit } }, problems };
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      const file = { path: index, bytes: 0, landed: { branch: LANDING_BRANCH, commit } };
      return { file, problems: [`${index} is not as landed on ${LANDING_BRANCH}: ${error.message}`] };
    }
  }

  async #rowsThatAreWrong(
    folder: PlannedFolder,
    { text, show }: { readonly text: string; readonly show: (file: string) => Promise<Buffer> },
  ): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const file of folder.files) {
      const { words } = countText(await show(file));
      this.#checkedRows += 1;
      if (!text.includes(`](<${path.basename(file)}>), words: ${words}\n`))
        problems.push(`${folder.index} does not say that ${file} has ${words} words`);
    }
    return problems;
  }
}
