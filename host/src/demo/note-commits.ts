import { readFile } from 'node:fs/promises';
import { messageOf } from '@bellows/sdk';
import { countText } from './count-text.js';
import type { PartReport } from './demo-report.js';
import { counted, type DemoWork, forEachAtOnce, thousands } from './demo-work.js';
import type { Commit } from './repository-log.js';

interface RunItem {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly message: string };
}

interface RunView extends RunItem {
  readonly stages: readonly { readonly name: string; readonly status: string; readonly attempts: number }[];
}

const NOTE = 'note-commit';
const HISTORY = 'write-history';
/** As often as a person sees a difference. */
const LOOK_MS = 500;
const WAIT_MS = 20_000;
const OPEN: ReadonlySet<string> = new Set(['queued', 'running', 'waiting', 'paused', 'rolling_back']);
const SHOWN_PROBLEMS = 5;
const LEAST_PRIORITY = 1_000;

/** The part of workflows: a durable run for each commit, all at once, and one that begins with them and ends after the last. */
export class NoteCommits {
  readonly #work: DemoWork;
  #ended = 0;
  #failed: readonly RunItem[] = [];
  #collectAttempts = 0;
  #seconds = 0;

  constructor(work: DemoWork) {
    this.#work = work;
  }

  get said(): string {
    return `${thousands(this.#ended)} of ${counted(this.#work.plan.commits.length, 'run')}`;
  }

  /** Resolves when every run has ended, however. Once. */
  async run(): Promise<void> {
    const { client, clock, folder, plan, limits, clone } = this.#work;
    const startedAt = clock.monotonicMs();
    const notes = folder.file('results', 'notes');
    const history = { notes, expected: plan.commits.length, file: folder.file('results', 'HISTORY.md') };
    await client.call('workflow.start', { name: HISTORY, id: HISTORY, input: history });
    await forEachAtOnce(limits.callsAtOnce, each([...plan.commits.entries()]), async ([index, { id }]) => {
      // the newest go first, one after the other, instead of every first stage before any second one
      const priority = -Math.min(index, LEAST_PRIORITY);
      await client.call('workflow.start', { name: NOTE, id: runOf(id), priority, input: { repository: clone, notes, commit: id } });
    });
    await this.#untilEnded();
    await this.#endHistory();
    this.#seconds = (clock.monotonicMs() - startedAt) / 1_000;
  }

  /** Compares every note with the log as git tells it once more; to be called after `run`. */
  async report(): Promise<PartReport> {
    const { plan } = this.#work;
    const { commits } = plan;
    const faults = (await Promise.all(commits.map((commit) => this.#faultOf(commit)))).filter((fault) => fault !== undefined);
    const failed = this.#failed.map(({ id, status, error }) => `run ${id} ended as ${status}: ${error?.message ?? 'no reason given'}`);
    const stages = 3 * (commits.length - this.#failed.length) + 2;
    return {
      part: 'workflow',
      seconds: this.#seconds,
      did: [
        `${counted(commits.length, 'durable run')}, one for each commit`,
        'each reads it (code), counts it (WebAssembly), writes a note (code)',
      ],
      figures: { runs: commits.length + 1, failed: this.#failed.length, stages, collectAttempts: this.#collectAttempts },
      verified: faults.length > 0 ? [] : [`${counted(commits.length, 'note')}, with the log of git: all the same`],
      problems: [...failed, ...faults].slice(0, SHOWN_PROBLEMS),
    };
  }

  async #untilEnded(): Promise<void> {
    const { client, clock, git, plan } = this.#work;
    for (;;) {
      const { items } = await client.call<{ readonly items: readonly RunItem[] }>('workflow.list', { name: NOTE, limit: 1_000 });
      const ended = items.filter(({ status }) => !OPEN.has(status));
      this.#ended = ended.length;
      this.#failed = ended.filter(({ status }) => status !== 'completed');
      if (ended.length >= plan.commits.length) return;
      await clock.sleep(LOOK_MS, git.signal);
    }
  }

  /** It waits for every note: where one is missing it would wait for ever. */
  async #endHistory(): Promise<void> {
    const { client } = this.#work;
    if (this.#failed.length > 0) await client.call('workflow.cancel', { id: HISTORY });
    const run = await client.call<RunView>('workflow.wait', { id: HISTORY, timeoutMs: WAIT_MS });
    this.#collectAttempts = run.stages.find(({ name }) => name === 'collect')?.attempts ?? 0;
    if (run.status !== 'completed') this.#failed = [...this.#failed, run];
  }

  async #faultOf({ id, date, message }: Commit): Promise<string | undefined> {
    try {
      const note = await readFile(this.#work.folder.file('results', 'notes', `${id}.md`), 'utf8');
      const { words } = countText(Buffer.from(message));
      const missing = [`commit ${id}`, `date ${date}`, `words ${words}`].find((line) => !note.includes(`\n${line}\n`));
      return missing === undefined ? undefined : `the note of commit ${id} does not say "${missing}"`;
    } catch (error) {
      return `there is no note of commit ${id}: ${messageOf(error)}`;
    }
  }
}

function runOf(commit: string): string {
  return `note-${commit}`;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
