import { isKind, messageOf } from '@bellows/sdk';
import { demand } from '@bellows/sdk/testing';
import { type Appearance, type ChangeOutcome, ChangingLife, differenceOf } from './changing-life.js';
import { explained } from './explained.js';
import { changeBack, givenChange, type LiveChange, liveChangesOf } from './live-changes.js';
import { callAllAtOnce, isCallersBusiness, leftInHost } from './plugin-life.js';
import type { PluginUnderCheck } from './plugin-under-check.js';
import type { ProcessWatch } from './process-watch.js';
import { endsWithin, withRunningTime } from './running-time.js';
import { afterTurns } from './turns.js';

/** There and back, so that what one change leaves behind is seen in the sum. */
const ROUND_TRIPS = 5;
/** Turns of the event loop after which a change is told to end. */
const ABORTED_AFTER_TURNS = [0, 1, 2, 5];
const CALL_TIMEOUT_MS = 5_000;

/** Each is kept by a plugin that registers no `onReconfigure`: it is restarted for every change. */
export async function checkChangesThereAndBack(subject: PluginUnderCheck, watch: ProcessWatch): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  const changes = liveChangesOf(subject);
  if (!life.takesChanges) {
    demand((subject.options.changes ?? []).length === 0, 'it has no ctx.onReconfigure that could take the given changes over');
    return;
  }
  demand(changes.length > 0, 'it has ctx.onReconfigure, and no option is marked as live: give `changes`, or mark one');
  for (const change of changes) {
    const before = await life.appearance();
    for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
      const there = await life.change(change);
      demandAnswered(there, change);
      if (there.error !== undefined) break;
      const back = await life.change(changeBack(subject, change));
      demand(!back.isLate && back.error === undefined, `after ${change.what} it did not take back what it had: ${reasonOf(back)}`);
    }
    demandSame(before, await life.appearance(), `after ${change.what} and back`);
  }
  const left = [...(await leftInHost(life.host)), ...(await watch.leftovers())];
  demand(left.length === 0, `after these changes a stop leaves ${left.join(', ')}`);
}

export async function checkBusyChanges(subject: PluginUnderCheck): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  if (!life.takesChanges) return;
  for (const change of liveChangesOf(subject)) {
    const calls = callAllAtOnce(life.host, subject);
    await afterTurns(1);
    const there = await life.change(change);
    demandAnswered(there, change);
    const timeoutMs = subject.options.callTimeoutMs ?? CALL_TIMEOUT_MS;
    const ended = Promise.all(calls);
    const isOver = await withRunningTime(life.host.clock, endsWithin(timeoutMs, ended));
    demand(isOver, `calls that ran while it changed ${change.what} did not end`);
    const fault = (await ended).find((error) => error !== undefined && !isCallersBusiness(error));
    demand(fault === undefined, `a call that ran while it changed ${change.what} ended with ${explained(fault)}`);
    if (there.error === undefined) await takeBack(life, changeBack(subject, change));
  }
}

/** What its own rules refuse: those of the given changes, and any other that happens to be refused. */
export async function checkRefusedChanges(subject: PluginUnderCheck): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  if (!life.takesChanges) return;
  const refused = (subject.options.refusedChanges ?? []).map((config) => ({ ...givenChange(subject, config), mustRefuse: true }));
  for (const change of [...refused, ...liveChangesOf(subject).map((made) => ({ ...made, mustRefuse: false }))]) {
    const before = await life.appearance();
    const outcome = await life.change(change);
    demandAnswered(outcome, change);
    if (outcome.error === undefined) {
      demand(!change.mustRefuse, `it took ${change.what} over, which it was to refuse`);
      await takeBack(life, changeBack(subject, change));
    } else demandSame(before, await life.appearance(), `after it refused ${change.what}`);
  }
}

export async function checkInterruptedChanges(subject: PluginUnderCheck): Promise<void> {
  await using life = await ChangingLife.begin(subject);
  if (!life.takesChanges) return;
  for (const change of liveChangesOf(subject)) {
    for (const turns of ABORTED_AFTER_TURNS) {
      const before = await life.appearance();
      const abort = new AbortController();
      const changing = life.change(change, abort.signal);
      void afterTurns(turns).then(() => abort.abort());
      const { isLate, error } = await changing;
      demand(!isLate, `its handler did not end after its signal had told it to, while it changed ${change.what}`);
      // a change that is refused has changed nothing; after any other end the host gives the old configuration again
      if (!isKind(error, 'refused')) await takeBack(life, changeBack(subject, change));
      demandSame(before, await life.appearance(), `after ${change.what} was interrupted and taken back`);
    }
  }
}

async function takeBack(life: ChangingLife, change: LiveChange): Promise<void> {
  const outcome = await life.change(change);
  demand(!outcome.isLate && outcome.error === undefined, `it does not take ${change.what}: ${reasonOf(outcome)}`);
}

function demandAnswered({ isLate, error }: ChangeOutcome, { what }: LiveChange): void {
  demand(!isLate, `its handler did not end while it changed ${what}`);
  const isAnswer = error === undefined || isKind(error, 'refused');
  demand(isAnswer, `it answered to ${what} with ${messageOf(error)}: take a change over whole, or throw RefusedError and change nothing`);
}

function demandSame(before: Appearance, after: Appearance, when: string): void {
  const difference = differenceOf(before, after);
  demand(difference === undefined, `${when} ${difference}`);
}

function reasonOf({ isLate, error }: ChangeOutcome): string {
  return isLate ? 'its handler did not end' : messageOf(error);
}
