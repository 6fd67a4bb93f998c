import type { IClock } from '@bellows/sdk';
import { DemoFolder, sweepDemos } from './demo-folder.js';
import { DemoHost } from './demo-host.js';
import { FULL, QUICK } from './demo-limits.js';
import type { DemoReport } from './demo-report.js';
import { packageFolder } from './package-folder.js';
import { performWork } from './perform-work.js';
import { type Prepared, prepareWork } from './prepare-work.js';
import type { ProgressView } from './progress-view.js';
import { type GitSurroundings, interrupted } from './run-git.js';
import { cloneOf, openSourceRepository } from './source-repository.js';

export interface DemoOptions {
  /** Absolute; undefined: the clone this command belongs to, else the repository of `cwd`. */
  readonly repository: string | undefined;
  /** true: in the temporary folder; a path: there; undefined: everything is removed at the end. */
  readonly keep: string | true | undefined;
  readonly isQuick: boolean;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of this process. */
  readonly pid: number;
  /** Of this process; undefined where files have no such owners. */
  readonly uid: number | undefined;
  /** Ends the demo in order; the call then rejects with `CancelledError` (`INTERRUPTED`), after everything was put away. */
  readonly signal: AbortSignal;
  readonly clock: IClock;
  readonly progress: ProgressView;
  /**
   * Gets the report while the host is still up, which stays up until the answer resolves; `lost` aborts when it ends by itself meanwhile.
   * Not called when there is no report.
   */
  readonly beforeEnd: (report: DemoReport, lost: AbortSignal) => Promise<void>;
}

/**
 * Runs the demo to its end and puts everything away, whatever happened: its host stops, its folder goes unless it is kept. Rejects with
 * what `openSourceRepository`, `DemoFolder` and `DemoHost` say, with `CancelledError` (`INTERRUPTED`), or with `InputError`
 * (`DEMO_LEFT_BEHIND`). A result that is wrong does not reject: the report says it.
 */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { cwd, env, signal, progress } = options;
  const git: GitSurroundings = { env, signal };
  const source = await openSourceRepository(options.repository ?? cloneOf(packageFolder()) ?? cwd, git);
  for (const left of await sweepDemos(options)) progress.say(`Removed ${left}, which a demo that was killed had left`);
  const folder = await DemoFolder.make(options);
  let isKept = false;
  try {
    const prepared = await prepareWork({ source, folder, limits: options.isQuick ? QUICK : FULL }, { git, cwd, progress });
    isKept = folder.isKept;
    return await withHost(prepared, options);
  } catch (error) {
    // Half a demo is not what was to be kept; one that failed is, to see why.
    if (signal.aborted) isKept = false;
    throw error;
  } finally {
    progress.clear();
    await folder.close({ isKept });
  }
}

async function withHost(prepared: Prepared, options: DemoOptions): Promise<DemoReport> {
  const { env, signal, clock, progress, beforeEnd } = options;
  const { folder } = prepared;
  progress.say('Starting a host of its own, with the plugins compute, workflow and harness');
  const host = await DemoHost.start({ folder: folder.path, env, signal, clock });
  try {
    await folder.markRunning([host.pid]);
    progress.say(`It is up; watch it at ${host.pageUrl}`);
    const report = await performWork(prepared, { host, env, signal: AbortSignal.any([signal, host.lost]), clock, progress });
    await beforeEnd(report, host.lost);
    host.lost.throwIfAborted();
    return report;
  } catch (error) {
    // What failed because the host has gone says less than why it has gone.
    const reason = await host.reasonOf(error);
    throw signal.aborted ? interrupted() : reason;
  } finally {
    progress.clear();
    if (signal.aborted) progress.say('Stopping the host and its agents');
    const isInOrder = await host.stop();
    if (host.lost.aborted) await endAgents(folder, options);
    else if (!isInOrder) progress.say('The host did not stop in order');
  }
}

/** A host that was killed leaves its agents running; the next one on its data ends them before it does anything else. */
async function endAgents(folder: DemoFolder, { env, clock, progress }: DemoOptions): Promise<void> {
  progress.say('Starting the host once more, so that it ends the agents that are left');
  const signal = new AbortController().signal;
  // A disk that is full, say, ends this one, too: what was lost is told all the same.
  const again = await DemoHost.start({ folder: folder.path, env, signal, clock }).catch(() => undefined);
  await again?.stop();
}
