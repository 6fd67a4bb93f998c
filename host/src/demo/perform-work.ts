import type { IClock, ScalingDecision } from '@bellows/sdk';
import type { HostClient } from '../cli/host-client.js';
import { HOST_VERSION } from '../version.js';
import { ceilingMoves, inOrder } from './ceiling-moves.js';
import { CountTexts } from './count-texts.js';
import type { DemoAct, DemoReport, PartReport } from './demo-report.js';
import type { DemoWork } from './demo-work.js';
import { IndexFolders } from './index-folders.js';
import { madeFiles } from './made-files.js';
import { NoteCommits } from './note-commits.js';
import type { Prepared } from './prepare-work.js';
import type { ProgressView } from './progress-view.js';
import { HostWatch } from './watch-host.js';

export interface Performance {
  readonly host: { client(signal: AbortSignal): HostClient };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the work where it is. */
  readonly signal: AbortSignal;
  readonly clock: IClock;
  readonly progress: ProgressView;
}

const MOST_DECISIONS = 10_000;

/** Has the host do the work in three acts (compute alone, all at once, rest) and reports what came of it. Rejects with the first error. */
export async function performWork(prepared: Prepared, { host, env, signal, clock, progress }: Performance): Promise<DemoReport> {
  const startedAt = clock.monotonicMs();
  // the first part that fails ends the others
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const work: DemoWork = { ...prepared, client: host.client(either), git: { env, signal: either }, clock };
  const texts = new CountTexts(work);
  const commits = new NoteCommits(work);
  const folders = new IndexFolders(work);
  const said = { compute: () => texts.said, workflow: () => commits.said, harness: () => folders.said };
  const watch = new HostWatch({ client: work.client, clock, progress, said, stuckMs: prepared.limits.stuckMs });
  const over = new AbortController();
  const acts: DemoAct[] = [];
  const begin = (name: string, text: string) => {
    acts.push({ name, at: clock.now() });
    progress.say(text);
  };
  let cause: unknown;
  const guarded = (part: Promise<void>) =>
    part.catch((error: unknown) => {
      cause ??= error;
      failed.abort();
    });

  await CountTexts.install(work);
  const watching = guarded(watch.run(AbortSignal.any([over.signal, either])));
  begin('alone', 'Compute has the machine to itself');
  const counting = guarded(texts.run());
  await Promise.race([counting, clock.sleep(prepared.limits.aloneMs, either).catch(() => {})]);
  if (!either.aborted) {
    begin('together', 'All three share it: texts, a run for each commit, agents');
    await Promise.all([commits, folders].map((part) => guarded(part.run())));
    texts.enough();
  }
  await counting;
  const workedUntil = clock.monotonicMs();
  if (!either.aborted) begin('at rest', 'Everything is done: what was given is given back');
  while (!either.aborted && !watch.isAtRest && clock.monotonicMs() < workedUntil + prepared.limits.restMs) {
    await clock.sleep(REST_LOOK_MS, either).catch(() => {});
  }
  over.abort();
  await watching;
  signal.throwIfAborted();
  if (cause !== undefined) throw cause;

  const { decisions } = await work.client.get<{ readonly decisions: readonly ScalingDecision[] }>(`/v1/decisions?limit=${MOST_DECISIONS}`);
  const harness = folders.report();
  const parts = [await texts.report(), await commits.report(), harness].map((part) => withMost(part, watch));
  const problems = parts.flatMap(({ part, problems }) => problems.map((problem) => `${part}: ${problem}`));
  const { source, folder, fileCount, notes } = prepared;
  return {
    ok: problems.length === 0,
    version: HOST_VERSION,
    seconds: (clock.monotonicMs() - startedAt) / 1_000,
    repository: { folder: source.folder, head: source.head, files: fileCount, notes },
    machine: { cores: watch.cores },
    parts,
    files: [...(await madeFiles(folder.path)), ...harness.files],
    acts,
    ceilings: ceilingMoves(decisions),
    decisions: inOrder(decisions),
    problems,
    kept: folder.isKept ? folder.path : null,
  };
}

const REST_LOOK_MS = 250;

function withMost({ files: _files, ...part }: PartReport & { readonly files?: unknown }, watch: HostWatch): PartReport {
  const most = watch.most(part.part);
  const [first = '', ...others] = part.did;
  // A short burst can pass between two looks.
  const seen = most > 0 ? `, at most ${most} at once` : '';
  return { ...part, did: [`${first}${seen}`, ...others], figures: { ...part.figures, mostAtOnce: most } };
}
